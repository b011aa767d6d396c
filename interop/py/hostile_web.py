"""Hostile requests around the objects: the families `xml`, `path`, `http` and `auth`. Each case is (name, request,
verdict); a request is (method, path, headers, body) for the first two and raw bytes for the last two. Verdicts:
`refuse` (4xx, 501, 505, 507), `any` (the same or 2xx, 3xx), `closed` (a refusal, or the line cut without a word), `cut` (we cut it), `elsewhere` (a refusal, or 502)."""

CAL = "/dav/calendars/user1/default/"
NS = 'xmlns="DAV:" xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
LOL = "".join(f'<!ENTITY l{n} "{"&l%d;" % (n - 1) * 10}">' for n in range(1, 10))


def bodies():
    """Bodies that are wrong whatever the method: (name, body, verdict)."""
    prop = f"<propfind {NS}><prop><getetag/></prop></propfind>"
    yield "doctype", f"<!DOCTYPE propfind>{prop}", "refuse"
    yield "laughs", f'<!DOCTYPE x [<!ENTITY l0 "lol">{LOL}]><propfind {NS}><prop>&l9;</prop></propfind>', "refuse"
    yield "external", f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><propfind {NS}><prop>&e;</prop></propfind>', "refuse"
    yield "parameter-entity", f'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x">%p;]>{prop}', "refuse"
    yield "entity-unknown", f"<propfind {NS}><prop>&nosuch;<getetag/></prop></propfind>", "refuse"
    yield "charref-0", f"<propfind {NS}><prop>&#0;<getetag/></prop></propfind>", "refuse"
    yield "charref-huge", f"<propfind {NS}><prop>&#x7fffffff;<getetag/></prop></propfind>", "refuse"
    for depth in (65, 300, 100_000):
        yield f"deep-{depth}", f"<propfind {NS}>" + "<a>" * depth + "</a>" * depth + "</propfind>", "refuse"
    yield "wide-20001", f"<propfind {NS}><prop>" + "<a/>" * 20_001 + "</prop></propfind>", "refuse"
    yield "wide-100000", f"<propfind {NS}><prop>" + "<a/>" * 100_000 + "</prop></propfind>", "refuse"
    yield "attributes-50000", f"<propfind {NS} " + " ".join(f'a{n}=""' for n in range(50_000)) + "/>", "refuse"
    yield "attribute-twice", f'<propfind {NS} a="1" a="2"><prop/></propfind>', "any"
    yield "attribute-long", f'<propfind {NS} a="{"x" * 900_000}"><prop><getetag/></prop></propfind>', "any"
    yield "text-long", f"<propfind {NS}>{'x' * 900_000}<prop><getetag/></prop></propfind>", "any"
    yield "name-long", f"<propfind {NS}><prop><{'n' * 500_000}/></prop></propfind>", "any"
    yield "comment-long", f"<!--{'x' * 900_000}-->{prop}", "any"
    yield "over-1-mib", f"<!--{'x' * (1 << 20)}-->{prop}", "refuse"
    yield "over-16-mib", f"<!--{'x' * (16 << 20)}-->{prop}", "refuse"
    yield "prefix-unknown", f"<propfind {NS}><prop><Z:a/></prop></propfind>", "refuse"
    yield "prefix-undone", f'<propfind {NS}><prop xmlns:D=""><D:getetag/></prop></propfind>', "refuse"
    yield "namespaces-5000", f"<propfind {NS} " + " ".join(f'xmlns:p{n}="u:{n}"' for n in range(5000)) + "><prop><p9:a/></prop></propfind>", "refuse"
    yield "unclosed", prop[:-11], "refuse"
    yield "crossed", f"<propfind {NS}><prop><a></prop></a></propfind>", "refuse"
    yield "two-roots", prop + prop, "refuse"
    yield "text-only", "hello", "refuse"
    yield "json", '{"propfind": true}', "refuse"
    yield "lt-only", "<", "refuse"
    yield "binary", bytes(range(256)) * 50, "refuse"
    yield "nul", prop.replace("getetag", "get\x00etag"), "refuse"
    yield "not-utf8", prop.encode().replace(b"<getetag/>", b"<a>\xff\xfe\xc3\x28</a>"), "refuse"
    yield "utf16", prop.encode("utf-16"), "any"
    yield "encoding-unknown", f'<?xml version="1.0" encoding="klingon"?>{prop}', "any"
    yield "wrong-root", f"<surprise {NS}/>", "refuse"
    yield "root-without-namespace", "<propfind><prop><getetag/></prop></propfind>", "refuse"
    yield "cdata", f"<propfind {NS}><prop><![CDATA[</prop>]]><getetag/></prop></propfind>", "any"
    yield "instructions-20000", "<?a b?>" * 20_000 + prop, "any"


def query(inner, more="", root="calendar-query"):
    return f"<C:{root} {NS}><prop><getetag/>{more}</prop>{inner}</C:{root}>"


def filtered(inner):
    return query(f'<C:filter><C:comp-filter name="VCALENDAR">{inner}</C:comp-filter></C:filter>')


def reports():
    """Well-formed REPORT bodies with a hostile meaning."""
    ranged = lambda attributes: filtered(f'<C:comp-filter name="VEVENT"><C:time-range {attributes}/></C:comp-filter>')
    expand = lambda attributes: query(
        '<C:filter><C:comp-filter name="VCALENDAR"/></C:filter>', f"<C:calendar-data><C:expand {attributes}/></C:calendar-data>"
    )
    yield "range-backwards", ranged('start="20260201T000000Z" end="20260101T000000Z"'), "refuse"
    yield "range-empty", ranged(""), "refuse"
    yield "range-junk", ranged('start="yesterday"'), "refuse"
    yield "range-local", ranged('start="20260101T000000"'), "refuse"
    yield "range-date", ranged('start="20260101"'), "refuse"
    yield "range-feb-30", ranged('start="20260230T000000Z"'), "refuse"
    yield "range-all-time", ranged('start="00010101T000000Z" end="99991231T235959Z"'), "any"
    yield "range-9999", ranged('start="99991231T235959Z"'), "any"
    yield "expand-all-time", expand('start="00010101T000000Z" end="99991231T235959Z"'), "any"
    yield "expand-century", expand('start="20000101T000000Z" end="21000101T000000Z"'), "any"
    yield "expand-half", expand('start="20260101T000000Z"'), "refuse"
    yield "expand-backwards", expand('start="20270101T000000Z" end="20260101T000000Z"'), "refuse"
    yield "no-filter", query(""), "refuse"
    yield "filter-empty", query("<C:filter/>"), "refuse"
    yield "filter-not-calendar", query('<C:filter><C:comp-filter name="VEVENT"/></C:filter>'), "any"
    yield "filter-deep", filtered('<C:comp-filter name="VEVENT">' * 50 + "</C:comp-filter>" * 50), "any"
    yield "filter-wide", filtered('<C:comp-filter name="VEVENT"/>' * 5000), "any"
    yield "filter-unknown", filtered('<C:comp-filter name="VROOM"/>'), "any"
    yield "filter-no-name", filtered("<C:comp-filter/>"), "refuse"
    yield "collation-unknown", filtered('<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match collation="i;klingon">x</C:text-match></C:prop-filter></C:comp-filter>'), "refuse"
    yield "match-long", filtered(f'<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match>{"x" * 500_000}</C:text-match></C:prop-filter></C:comp-filter>'), "any"
    yield "zone-junk", query('<C:filter><C:comp-filter name="VCALENDAR"/></C:filter><C:timezone>junk</C:timezone>'), "refuse"
    yield "data-type-junk", query('<C:filter><C:comp-filter name="VCALENDAR"/></C:filter>', '<C:calendar-data content-type="text/html"/>'), "refuse"
    multiget = lambda hrefs: f"<C:calendar-multiget {NS}><prop><getetag/><C:calendar-data/></prop>{hrefs}</C:calendar-multiget>"
    yield "multiget-none", multiget(""), "any"
    yield "multiget-15000", multiget(f"<href>{CAL}seed.ics</href>" * 15_000), "any"
    for name, href in (
        ("traversal", CAL + "../../user2/default/seed.ics"), ("other-user", "/dav/calendars/user2/default/seed.ics"),
        ("other-host", "http://example.org/x.ics"), ("file", "file:///etc/passwd"), ("nul", CAL + "%00.ics"),
        ("not-utf8", CAL + "%ff%fe.ics"), ("empty", ""), ("long", CAL + "x" * 100_000), ("collection", CAL), ("root", "/"),
    ):
        yield f"multiget-{name}", multiget(f"<href>{href}</href>"), "any"
    sync = lambda token, level="1", more="": (
        f"<sync-collection {NS}><sync-token>{token}</sync-token><sync-level>{level}</sync-level>{more}<prop><getetag/></prop></sync-collection>"
    )
    for name, token in (
        ("junk", "junk"), ("zero", "0"), ("negative", "-1"), ("url", "http://example.org/ns/sync/1"), ("long", "x" * 100_000),
        ("huge", "9" * 400), ("sql", "' or 1=1 --"), ("markup", "&lt;a&gt;"),
    ):
        yield f"sync-{name}", sync(token), "refuse"
    yield "sync-level-9", sync("", "9"), "refuse"
    yield "sync-level-infinite", sync("", "infinite"), "any"
    for limit in ("0", "-1", "99999999999999999999", "many"):
        yield f"sync-limit-{limit[:5]}", sync("", more=f"<limit><nresults>{limit}</nresults></limit>"), "any"
    yield "sync-no-token", f"<sync-collection {NS}><sync-level>1</sync-level><prop/></sync-collection>", "any"
    yield "busy-all-time", f'<C:free-busy-query {NS}><C:time-range start="00010101T000000Z" end="99991231T235959Z"/></C:free-busy-query>', "any"
    yield "busy-backwards", f'<C:free-busy-query {NS}><C:time-range start="20270101T000000Z" end="20260101T000000Z"/></C:free-busy-query>', "refuse"
    yield "busy-open", f'<C:free-busy-query {NS}><C:time-range start="20270101T000000Z"/></C:free-busy-query>', "any"
    yield "report-unknown", f"<D:no-such-report {NS}/>", "refuse"
    deep = '<property name="owner">' * 40 + "</property>" * 40
    yield "expand-property-deep", f"<expand-property {NS}>{deep}</expand-property>", "any"
    yield "search-empty", f"<principal-property-search {NS}/>", "any"
    yield "search-percent", f"<principal-property-search {NS}><property-search><prop><displayname/></prop><match>%</match></property-search><prop><displayname/></prop></principal-property-search>", "any"


def xml():
    for name, body, verdict in bodies():
        for method, path in (("PROPFIND", CAL), ("REPORT", CAL), ("PROPPATCH", CAL), ("MKCALENDAR", f"{CAL[:-8]}hostile/")):
            # A body of the wrong kind for the method is refused too, whatever it would be for PROPFIND.
            strict = "refuse" if method != "PROPFIND" else verdict
            yield f"{method}-{name}", (method, path, {"Depth": "0", "Content-Type": "application/xml"}, body), strict
    for name, body, verdict in reports():
        yield f"report-{name}", ("REPORT", CAL, {"Depth": "1", "Content-Type": "application/xml"}, body), verdict
    for depth in ("infinity", "2", "-1", "", "1,1", "x" * 10_000):
        verdict = "refuse" if depth == "infinity" else "any"
        yield f"depth-{depth[:9]}", ("PROPFIND", CAL, {"Depth": depth}, b""), verdict
    big = f"<D:propertyupdate {NS}><D:set><D:prop><a xmlns='u:x'>{'x' * 900_000}</a></D:prop></D:set></D:propertyupdate>"
    yield "proppatch-large", ("PROPPATCH", CAL, {}, big), "any"
    many = "".join(f"<p{n} xmlns='u:x'>1</p{n}>" for n in range(5000))
    yield "proppatch-many", ("PROPPATCH", CAL, {}, f"<D:propertyupdate {NS}><D:set><D:prop>{many}</D:prop></D:set></D:propertyupdate>"), "any"
    live = "<D:getetag>x</D:getetag><D:resourcetype/><D:owner>x</D:owner><D:sync-token>x</D:sync-token>"
    yield "proppatch-live", ("PROPPATCH", CAL, {}, f"<D:propertyupdate {NS}><D:set><D:prop>{live}</D:prop></D:set></D:propertyupdate>"), "any"


PATHS = {
    "dots": CAL + "../../../../etc/passwd", "dots-coded": CAL + "%2e%2e/%2e%2e/%2e%2e/etc/passwd", "slash-coded": CAL + "..%2f..%2fuser2%2fdefault%2fseed.ics",
    "double-coded": CAL + "%252e%252e%252f", "backslash": CAL + "..\\..\\user2\\default\\", "backslash-coded": CAL + "..%5c..%5c",
    "nul": CAL + "a%00.ics", "not-utf8": CAL + "%ff%fe%c3%28.ics", "overlong": CAL + "%c0%ae%c0%ae%c0%afetc", "half-percent": CAL + "100%",
    "bad-percent": CAL + "%zz.ics", "cr-lf": CAL + "a%0d%0aX-Injected:%201.ics", "long": CAL + "x" * 4000 + ".ics",
    "long-60k": CAL + "x" * 60_000, "deep": CAL + "a/" * 500, "two-slashes": "/dav//calendars//user1//default//", "dot": CAL + "./.", "semicolon": CAL + ";a=1/b;c",
    "query": CAL + "?" + "a=1&" * 1000, "other-user": "/dav/calendars/user2/default/", "other-object": "/dav/calendars/user2/default/seed.ics",
    "no-user": "/dav/calendars/nobody/default/", "user-sql": "/dav/calendars/user1'--/default/", "user-upper": "/dav/calendars/USER1/default/",
    "user-empty": "/dav/calendars//default/", "principals": "/dav/principals/../calendars/user2/", "feeds": "/feeds/../../etc/passwd",
    "feed-long": "/feeds/" + "a" * 5000 + ".ics", "feed-empty": "/feeds/.ics", "freebusy": "/freebusy/%27%20or%201=1", "zero-width": CAL + "%e2%80%8b.ics",
    "nfd": CAL + "e%cc%81.ics", "bidi": CAL + "%e2%80%aescI.ics", "no-such": "/wp-login.php", "git": "/.git/config", "metrics": "/metrics/../dav/",
}
DESTINATIONS = {
    "other-host": "http://example.org/dav/calendars/user1/default/x.ics", "other-user": "/dav/calendars/user2/default/x.ics", "self": CAL + "seed.ics",
    "parent": "/dav/calendars/user1/", "above": CAL + "../../../../x", "coded": CAL + "%2e%2e%2fx", "empty": "", "relative": "x.ics",
    "file": "file:///tmp/x", "below-object": CAL + "seed.ics/x.ics", "nowhere": "/dav/calendars/user1/nosuch/x.ics", "long": CAL + "x" * 20_000,
    "not-utf8": CAL + "%ff.ics", "userinfo": "http://user2:x@127.0.0.1/dav/calendars/user2/default/x.ics", "principal": "/dav/principals/user1/",
}


def path():
    prop = f"<propfind {NS}><prop><getetag/></prop></propfind>"
    for name, target in PATHS.items():
        for method, body in (("GET", None), ("PROPFIND", prop), ("DELETE", None)):
            # Deleting one's own calendar by another spelling of its name would be no attack, and end the other cases.
            if not (method == "DELETE" and name in ("two-slashes", "dot", "query", "principals", "metrics")):
                strict = "any" if name in ("two-slashes", "dot", "query", "principals", "metrics") else "refuse"
                yield f"{method}-{name}", (method, target, {"Depth": "0"}, body), strict
    for name, target in DESTINATIONS.items():
        for method in ("COPY", "MOVE"):
            yield f"{method}-to-{name}", (method, CAL + "seed.ics", {"Destination": target, "Overwrite": "T"}, None), "elsewhere" if "//" in target else "refuse"
    yield "MOVE-without", ("MOVE", CAL + "seed.ics", {}, None), "refuse"
    for name, value in (("junk", "junk"), ("open", '"never closed'), ("long", '"' + "x" * 15_000 + '"'), ("list", ",".join(['"a"'] * 3000))):
        yield f"if-match-{name}", ("PUT", CAL + "cond.ics", {"If-Match": value, "Content-Type": "text/calendar"}, b"x"), "refuse"
        yield f"if-{name}", ("PUT", CAL + "cond.ics", {"If": f"(<{value}>)", "Content-Type": "text/calendar"}, b"x"), "refuse"


def lines(*rows, body=b""):
    return "\r\n".join([*rows, "", ""]).encode("latin-1") + body


def http(login):
    """Raw bytes; `login` is a good Authorization line."""
    put = f"PUT {CAL}raw.ics HTTP/1.1"
    host, kind = "Host: 127.0.0.1", "Content-Type: text/calendar"
    for name, value in (
        ("negative", "-1"), ("plus", "+5"), ("spaces", "5 5"), ("hex", "0x5"), ("huge", "9" * 30), ("empty", ""), ("list", "5, 6"), ("float", "5.0"),
    ):
        yield f"length-{name}", lines(put, host, login, kind, f"Content-Length: {value}", body=b"hello"), "closed"
    yield "length-twice", lines(put, host, login, kind, "Content-Length: 5", "Content-Length: 6", body=b"hello!"), "closed"
    yield "length-10gb", lines(put, host, login, kind, "Content-Length: 10000000000"), "closed"
    yield "length-and-chunked", lines(put, host, login, kind, "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), "closed"
    for name, value in (("xchunked", "xchunked"), ("twice", "chunked, chunked"), ("identity", "identity"), ("gzip", "gzip, chunked"), ("tab", "\tchunked\x0b")):
        yield f"encoding-{name}", lines(put, host, login, kind, f"Transfer-Encoding: {value}", body=b"5\r\nhello\r\n0\r\n\r\n"), "closed"
    for name, body in (("overflow", b"FFFFFFFFFFFFFFFFFF\r\nx"), ("negative", b"-5\r\nhello\r\n0\r\n\r\n"), ("junk", b"zz\r\nhello\r\n0\r\n\r\n"), ("no-crlf", b"5\r\nhelloX\r\n0\r\n\r\n"), ("extension", b"5;" + b"a" * 100_000 + b"\r\nhello\r\n0\r\n\r\n")):
        yield f"chunk-{name}", lines(put, host, login, kind, "Transfer-Encoding: chunked", body=body), "closed"
    gzip = __import__("gzip").compress(b"BEGIN:VCALENDAR\r\n" + b"x" * (64 << 20))
    yield "body-gzip-bomb", lines(put, host, login, kind, "Content-Encoding: gzip", f"Content-Length: {len(gzip)}", body=gzip), "closed"
    yield "body-cut", lines(put, host, login, kind, "Content-Length: 100", body=b"short") + b"", "cut"
    get = f"GET {CAL}seed.ics HTTP/1.1"
    yield "host-none", lines(get, login), "closed"
    yield "host-twice", lines(get, host, "Host: example.org", login), "closed"
    for name, value in (("junk", "Host: a b c"), ("path", "Host: a/../b"), ("long", "Host: " + "h" * 50_000), ("userinfo", "Host: user@127.0.0.1")):
        yield f"host-{name}", lines(get, value, login), "any"
    yield "header-nul", lines(get, host, login, "X-A: a\0b"), "closed"
    yield "header-cr", lines(get, host, login, "X-A: a\rX-B: b"), "closed"
    yield "header-fold", lines(get, host, login, "X-A: a\r\n  folded"), "closed"
    yield "header-space", lines(get, host, login, "X-A : a"), "closed"
    yield "header-no-colon", lines(get, host, login, "nonsense"), "closed"
    yield "header-no-name", lines(get, host, login, ": value"), "closed"
    yield "header-long", lines(get, host, login, "X-A: " + "a" * 2_000_000), "closed"
    yield "headers-20000", lines(get, host, login, *[f"X-{n}: 1" for n in range(20_000)]), "closed"
    for name, first in (
        ("long-method", "G" * 50_000 + " / HTTP/1.1"), ("long-target", "GET /" + "x" * 500_000 + " HTTP/1.1"), ("http-09", "GET /"), ("http-12", "GET / HTTP/1.2"),
        ("http-9", "GET / HTTP/9.9"), ("no-version", f"GET {CAL}"), ("spaces", "GET  /  HTTP/1.1"), ("tab", "GET\t/\tHTTP/1.1"), ("lower", f"get {CAL} HTTP/1.1"),
        ("connect", "CONNECT example.org:80 HTTP/1.1"), ("trace", "TRACE / HTTP/1.1"), ("unknown", f"BREW {CAL} HTTP/1.1"), ("star", "GET * HTTP/1.1"),
        ("absolute", "GET http://example.org/dav/ HTTP/1.1"), ("fragment", f"GET {CAL}#x HTTP/1.1"), ("not-ascii", "GET /\xff\xfe HTTP/1.1"), ("lock", f"LOCK {CAL}seed.ics HTTP/1.1"),
    ):
        yield f"line-{name}", lines(first, host, login), "any"
    yield "tls-hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, "closed"
    yield "http2-junk", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 500, "closed"
    yield "blank-lines", b"\r\n" * 50_000, "closed"
    yield "random", bytes((n * 7919 + 13) % 256 for n in range(50_000)), "closed"
    yield "expect-junk", lines(put, host, login, kind, "Expect: 200-maybe", "Content-Length: 5", body=b"hello"), "closed"
    yield "upgrade-h2c", lines(get, host, login, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAAA"), "any"
    yield "ranges-5000", lines(get, host, login, "Range: bytes=" + ",".join(f"{n}-{n}" for n in range(5000))), "any"
    yield "range-huge", lines(get, host, login, "Range: bytes=99999999999999999999-"), "any"


def auth(good):
    """Raw bytes without a login, or with a wrong one; `good` is the right Basic value of user1. None may get a 2xx."""
    import base64

    coded = lambda raw: base64.b64encode(raw).decode()
    for name, value in (
        ("none", None), ("empty", ""), ("basic-alone", "Basic"), ("basic-space", "Basic "), ("not-base64", "Basic !!!!"), ("cut-base64", f"Basic {good[:-3]}"),
        ("no-colon", f"Basic {coded(b'user9')}"), ("colon", f"Basic {coded(b':')}"), ("no-password", f"Basic {coded(b'user1:')}"), ("no-user", f"Basic {coded(b':secret')}"),
        ("not-utf8", f"Basic {coded(bytes([255, 254, 58, 255]))}"), ("nul", f"Basic {coded(b'user9' + bytes(1) + b':x')}"), ("newline", f"Basic {coded(b'user9:a' + bytes([13, 10]) + b'X: y')}"),
        ("long", f"Basic {coded(b'user9:' + b'x' * 10_000)}"), ("long-user", f"Basic {coded(b'u' * 10_000 + b':x')}"), ("sql", f"Basic {coded(b'x' + bytes([39]) + b' or 1=1 --:x')}"),
        ("traversal", f"Basic {coded(b'../user1:x')}"), ("upper", f"Basic {coded(b'USER9:x')}"), ("bearer", "Bearer x"), ("bearer-jwt", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyMSJ9."),
        ("digest", 'Digest username="user1", realm="x", nonce="", uri="/", response=""'), ("negotiate", "Negotiate TlRMTVNTUAAB"), ("unknown", "Klingon x"), ("comma", f"Basic {coded(b'user9:x')}, Basic {good}"),
        ("two-words", f"Basic {good} {good}"), ("no-space", f"Basic{good}"),
    ):
        given = [] if value is None else [f"Authorization: {value}"]
        yield name, lines(f"PROPFIND {CAL} HTTP/1.1", "Host: 127.0.0.1", "Depth: 0", "Content-Length: 0", *given), "refuse"
    for header in (
        "X-Remote-User: user1", "X-Forwarded-User: user1", "Remote-User: user1", "X-Authenticated-User: user1", "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1",
        "Forwarded: for=127.0.0.1;proto=https", "Cookie: session=user1", "X-Original-URL: /health/live", "X-HTTP-Method-Override: OPTIONS",
    ):
        yield f"trust-{header.split(':')[0].lower()}", lines(f"PROPFIND {CAL} HTTP/1.1", "Host: 127.0.0.1", "Depth: 0", "Content-Length: 0", header), "refuse"
    wrong = f"Authorization: Basic {coded(b'user9:x')}"
    yield "two-headers", lines(f"PROPFIND {CAL} HTTP/1.1", "Host: 127.0.0.1", "Depth: 0", "Content-Length: 0", wrong, f"Authorization: Basic {good}"), "refuse"
