"""Hostile iCalendar: the objects of the family `ics`. Each is (name, text or bytes, verdict): `refuse` (4xx or 507),
`take` (201 or 204: a server that refuses it is too strict), `any` (either)."""


def wrap(*components, before=()):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Kalends//hostile//EN", *before]
    for component in components:
        lines += component
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def vevent(uid, *more, start="DTSTART:20260105T090000Z", end="DURATION:PT30M", kind="VEVENT"):
    return [
        f"BEGIN:{kind}", f"UID:{uid}", "DTSTAMP:20260101T000000Z", *([start] if start else []), *([end] if end else []),
        *more, f"END:{kind}",
    ]


def one(uid, *more, **options):
    return wrap(vevent(uid, *more, **options))


def zone(tzid, *parts):
    return ["BEGIN:VTIMEZONE", f"TZID:{tzid}", *parts, "END:VTIMEZONE"]


def observance(kind="STANDARD", start="19700101T000000", to="+0100", *more):
    return [f"BEGIN:{kind}", f"DTSTART:{start}", "TZOFFSETFROM:+0000", f"TZOFFSETTO:{to}", *more, f"END:{kind}"]


RULES = {
    # name: (rule, verdict)
    "secondly": ("FREQ=SECONDLY", "any"),
    "minutely": ("FREQ=MINUTELY", "any"),
    "secondly-count": ("FREQ=SECONDLY;COUNT=1000000000", "any"),
    "hourly": ("FREQ=HOURLY", "any"),
    "count-1e9": ("FREQ=DAILY;COUNT=1000000000", "any"),
    "count-huge": ("FREQ=DAILY;COUNT=99999999999999999999999", "any"),
    "count-0": ("FREQ=DAILY;COUNT=0", "any"),
    "count-negative": ("FREQ=DAILY;COUNT=-1", "any"),
    "interval-0": ("FREQ=DAILY;INTERVAL=0", "any"),
    "interval-huge": ("FREQ=YEARLY;INTERVAL=4294967296", "any"),
    "never-february-30": ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "any"),
    "never-daily": ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31", "any"),
    "never-secondly": ("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=31", "any"),
    "never-setpos": ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", "any"),
    "leap-day-400": ("FREQ=YEARLY;INTERVAL=100;BYMONTH=2;BYMONTHDAY=29", "any"),
    "week-53": ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU", "any"),
    "yearday-366": ("FREQ=YEARLY;BYYEARDAY=366,-366", "any"),
    "thanksgiving": ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "take"),
    "hour-parity": ("FREQ=HOURLY;INTERVAL=2;BYHOUR=1,3,5", "any"),
    "everything": (
        "FREQ=YEARLY;BYMONTH=" + ",".join(map(str, range(1, 13))) + ";BYMONTHDAY=" + ",".join(map(str, range(1, 32)))
        + ";BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(map(str, range(60)))
        + ";BYSECOND=" + ",".join(map(str, range(60))), "any",
    ),
    "setpos-everything": (
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE="
        + ",".join(map(str, range(60))) + ";BYSETPOS=-1", "any",
    ),
    "list-10000": ("FREQ=MONTHLY;BYMONTHDAY=" + ",".join(["1"] * 10000), "any"),
    "unknown-freq": ("FREQ=FORTNIGHTLY", "any"),
    "empty": ("", "any"),
    "no-freq": ("INTERVAL=2", "any"),
    "equals": ("=====;;;;", "any"),
    "twice-freq": ("FREQ=DAILY;FREQ=WEEKLY", "any"),
    "until-past": ("FREQ=DAILY;UNTIL=19000101T000000Z", "any"),
    "until-9999": ("FREQ=DAILY;UNTIL=99991231T235959Z", "any"),
    "until-junk": ("FREQ=DAILY;UNTIL=tomorrow", "any"),
    "byday-junk": ("FREQ=MONTHLY;BYDAY=999999999999MO", "any"),
}

STARTS = {
    "year-1": "DTSTART:00010101T000000Z", "year-9999": "DTSTART:99991231T235959Z", "year-0": "DTSTART:00000101T000000Z",
    "feb-30": "DTSTART:20260230T090000Z", "24h": "DTSTART:20260105T240000Z", "leap-second": "DTSTART:20161231T235960Z",
    "junk": "DTSTART:yesterday", "empty": "DTSTART:", "long": "DTSTART:" + "2" * 5000, "none": "",
    "date-as-time": "DTSTART;VALUE=DATE:20260105T090000Z", "time-as-date": "DTSTART:20260105",
    "two": "DTSTART:20260105T090000Z\r\nDTSTART:20270105T090000Z",
    "traversal-zone": "DTSTART;TZID=../../../../etc/passwd:20260105T090000",
    "nul-zone": "DTSTART;TZID=Europe/Berlin%00:20260105T090000", "no-zone": "DTSTART;TZID=Nowhere/Land:20260105T090000",
    "long-zone": "DTSTART;TZID=" + "Z" * 20000 + ":20260105T090000", "outlook-zone": "DTSTART;TZID=W. Europe Standard Time:20260105T090000",
    "gap": "DTSTART;TZID=Europe/Berlin:20260329T023000",
}
ENDS = {
    "before-start": "DTEND:19700101T000000Z", "negative": "DURATION:-PT1H", "huge": "DURATION:PT99999999999999999999S",
    "century": "DURATION:P36500D", "weeks-overflow": "DURATION:P9999999999W", "junk": "DURATION:an hour",
    "both": "DTEND:20260105T100000Z\r\nDURATION:PT1H", "9999": "DTEND:99991231T235959Z",
}
SUMMARIES = {
    # what a calendar must carry in well-formed XML whatever it holds
    "markup": ("</D:prop></C:calendar-data><script>&amp;\"'", "take"), "cdata": ("<![CDATA[ ]]> ]]>", "take"),
    "entity": ("&lol;&#0;&#xFFFE;", "take"), "u-fffe": ("a\ufffeb", "any"), "u-ffff": ("a\uffffb", "any"),
    "c1": ("a\u0085b\u009fc", "any"), "bidi": ("\u202egnihtemos\u202c", "take"), "emoji": ("\U0001f9d1\u200d\u2695\ufe0f", "take"),
    "bell": ("a\x07b", "any"), "escape": ("a\x1b[31mb", "any"), "nul": ("a\x00b", "refuse"), "vt": ("a\x0bb\x0cc", "any"),
    "lone-cr": ("a\rb", "any"), "backslash": ("\\\\\\n\\", "any"), "format": ("%s%n%x{}{0}${jndi:x}", "take"),
    "sql": ("'); drop table objects; --", "take"), "long": ("x" * 500_000, "any"), "combining": ("e" + "\u0301" * 5000, "any"),
}


def structures():
    big = [f"EXDATE:20260105T0900{n % 60:02}Z" for n in range(10000)]
    override = [
        vevent("over", f"RECURRENCE-ID:{2026 + n // 300}{n % 12 + 1:02}{n % 28 + 1:02}T09{n % 60:02}00Z") for n in range(3000)
    ]
    nested = lambda depth: ["BEGIN:X-DEEP"] * depth + ["END:X-DEEP"] * depth
    yield "empty-body", b"", "refuse"
    yield "blank-lines", b"\r\n" * 1000, "refuse"
    yield "binary", bytes(range(256)) * 100, "refuse"
    yield "html", b"<html><script>alert(1)</script></html>", "refuse"
    yield "not-utf8", one("not-utf8", "SUMMARY:Z").encode().replace(b"Z\r\nEND:VEVENT", b"\xff\xfe\xc3\x28\r\nEND:VEVENT"), "refuse"
    yield "surrogates", one("surrogates", "SUMMARY:Z").encode().replace(b"Z\r\nEND:VEVENT", b"\xed\xa0\x80\r\nEND:VEVENT"), "refuse"
    yield "utf16", one("utf16").encode("utf-16"), "refuse"
    yield "bom", b"\xef\xbb\xbf" + one("bom").encode(), "any"
    yield "no-calendar", "\r\n".join(vevent("bare")), "refuse"
    yield "no-component", wrap(), "refuse"
    yield "only-zone", wrap(zone("X", *observance())), "refuse"
    yield "no-uid", wrap(["BEGIN:VEVENT", "DTSTAMP:20260101T000000Z", "DTSTART:20260105T090000Z", "END:VEVENT"]), "refuse"
    yield "empty-uid", one(""), "refuse"
    yield "two-uids", wrap(vevent("first-uid"), vevent("second-uid")), "refuse"
    yield "uid-twice", one("twice", "UID:again"), "any"
    yield "uid-long", one("u" * 100_000), "any"
    yield "uid-path", one("../../../../etc/passwd"), "any"
    yield "uid-markup", one("<uid>&\"'"), "any"
    yield "method", wrap(vevent("method"), before=["METHOD:REQUEST"]), "refuse"
    yield "mixed-kinds", wrap(vevent("mixed"), vevent("mixed", kind="VTODO")), "refuse"
    yield "unknown-kind", one("unknown-kind", kind="VROOM"), "refuse"
    yield "two-calendars", one("calendar-a") + one("calendar-b"), "refuse"
    yield "same-calendar-twice", one("calendar-c") * 2, "any"
    yield "unclosed", one("unclosed").replace("END:VEVENT\r\n", ""), "refuse"
    yield "crossed", one("crossed").replace("END:VEVENT\r\nEND:VCALENDAR", "END:VCALENDAR\r\nEND:VEVENT"), "refuse"
    yield "cut", one("cut")[:-40], "refuse"
    yield "after-end", one("after-end") + "SUMMARY:after\r\n", "any"
    yield "begin-10000", "BEGIN:VCALENDAR\r\n" * 10000, "refuse"
    for depth in (7, 9, 100, 20000):
        yield f"nested-{depth}", one(f"nested-{depth}", *nested(depth)), "refuse" if depth > 8 else "any"
    yield "no-colon", one("no-colon", "SUMMARY"), "any"
    yield "no-name", one("no-name", ":value"), "any"
    yield "name-junk", one("name-junk", "SÜMMÄRY:x", "A B:x", "@:x"), "any"
    yield "fold-only", one("fold-only", " ", "\t", " "), "any"
    yield "fold-in-character", one("fold-cut", "SUMMARY:Z").encode().replace(b"Z\r\nEND:VEVENT", b"\xc3\r\n \xa4\r\nEND:VEVENT"), "any"
    yield "fold-10000", one("fold-10000", "SUMMARY:" + "\r\n ".join("x" * 10000)), "any"
    yield "quote-open", one("quote-open", 'ATTENDEE;CN="never closed:mailto:a@example.org'), "any"
    yield "parameters-10000", one("parameters", "SUMMARY" + ";X-P=1" * 10000 + ":x"), "any"
    yield "properties-20000", one("properties", *["X-P:1"] * 20000), "any"
    yield "alarms-2000", one("alarms", *["BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "END:VALARM"] * 2000), "any"
    yield "alarm-repeat", one("alarm-repeat", "BEGIN:VALARM", "TRIGGER:-PT5M", "REPEAT:2000000000", "DURATION:PT1S", "END:VALARM"), "any"
    yield "alarm-overflow", one("alarm-overflow", "BEGIN:VALARM", "TRIGGER:-P99999999999D", "END:VALARM"), "any"
    yield "attendees-2000", one("attendees", *[f"ATTENDEE:mailto:a{n}@example.org" for n in range(2000)]), "any"
    yield "attach-900k", one("attach", "ATTACH;ENCODING=BASE64;VALUE=BINARY:" + "QUJD" * 225_000), "any"
    yield "over-1-mib", one("over", "DESCRIPTION:" + "x" * (1 << 20)), "refuse"
    yield "over-8-mib", one("over-8", "DESCRIPTION:" + "x" * (8 << 20)), "refuse"
    yield "exdates-10000", one("exdates", "RRULE:FREQ=DAILY", *big), "any"
    yield "exdate-one-line", one("exdate-line", "RRULE:FREQ=DAILY", "EXDATE:" + ",".join(["20260106T090000Z"] * 30000)), "any"
    yield "rdates-10000", one("rdates", *[line.replace("EXDATE", "RDATE") for line in big]), "any"
    yield "rdate-period", one("rdate-period", "RDATE;VALUE=PERIOD:20260105T090000Z/P99999D,20260106T090000Z/PT1H"), "any"
    yield "overrides-3000", wrap(vevent("over", "RRULE:FREQ=DAILY"), *override), "any"
    yield "override-alone", one("override-alone", "RECURRENCE-ID:20260105T090000Z"), "take"
    yield "override-twice", wrap(*[vevent("override-twice", "RECURRENCE-ID:20260105T090000Z")] * 2), "any"
    yield "two-masters", wrap(vevent("two-masters"), vevent("two-masters", "SUMMARY:again")), "any"
    yield "range-future", wrap(vevent("future", "RRULE:FREQ=DAILY"), vevent("future", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260110T090000Z")), "any"
    yield "all-excluded", one("all-excluded", "RRULE:FREQ=DAILY", "EXRULE:FREQ=DAILY"), "any"
    yield "rules-50", one("rules-50", *["RRULE:FREQ=DAILY"] * 50), "any"
    yield "endless-overlap", one("endless-overlap", "RRULE:FREQ=HOURLY", end="DURATION:P3650D"), "any"
    yield "todo-endless", one("todo-endless", "RRULE:FREQ=DAILY", "DUE:20260106T090000Z", end="", kind="VTODO"), "any"
    yield "freebusy-periods", one("fb", "FREEBUSY:" + ",".join(["20260105T090000Z/PT1S"] * 20000), end="", kind="VFREEBUSY"), "any"
    berlin = "DTSTART;TZID=Bad:20260105T090000"
    for name, parts in (
        ("secondly", observance("STANDARD", "19700101T000000", "+0100", "RRULE:FREQ=SECONDLY")),
        ("minutely", observance("STANDARD", "16010101T000000", "+0100", "RRULE:FREQ=MINUTELY")),
        ("observances", observance() * 2000), ("none", []), ("offset", observance("STANDARD", "19700101T000000", "+9999")),
        ("offset-junk", observance("STANDARD", "19700101T000000", "east")), ("start-junk", observance("STANDARD", "never")),
        ("rdates", observance("STANDARD", "19700101T000000", "+0100", *["RDATE:19700102T000000"] * 20000)),
    ):
        yield f"zone-{name}", wrap(zone("Bad", *parts), vevent(f"zone-{name}", "RRULE:FREQ=WEEKLY", start=berlin)), "any"
    yield "zone-1601", wrap(zone("Old", *observance("STANDARD", "16010101T000000")), vevent("zone-1601", start="DTSTART;TZID=Old:20260105T090000")), "take"
    yield "zones-500", wrap(*[zone(f"Z{n}", *observance()) for n in range(500)], vevent("zones-500")), "any"


def cases():
    for name, (rule, verdict) in RULES.items():
        yield f"rule-{name}", one(f"rule-{name}", f"RRULE:{rule}"), verdict
    for name, start in STARTS.items():
        yield f"start-{name}", one(f"start-{name}", start=start), "any"
        yield f"start-{name}-daily", one(f"start-{name}-daily", "RRULE:FREQ=DAILY", start=start), "any"
    for name, end in ENDS.items():
        yield f"end-{name}", one(f"end-{name}", "RRULE:FREQ=DAILY", end=end), "any"
    for name, (summary, verdict) in SUMMARIES.items():
        yield f"summary-{name}", one(f"summary-{name}", f"SUMMARY:{summary}"), verdict
    yield from structures()
