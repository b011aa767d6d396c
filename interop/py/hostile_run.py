"""S1: runs the families and judges each case. A bystander (user3, another connection) asks a small thing all the time;
its slowest answer counts against the case that was running. After each stored object: the listing, the text, a query
with expand, free/busy, then the deletion; every multistatus is parsed by a real XML parser.

usage: hostile_run.py [FAMILY...]; last line on stdout: GOOD BAD."""

import http.client
import os
import re
import socket
import sys
import threading
import time
import xml.etree.ElementTree as tree

import hostile_ics
import hostile_web
from dav import Client, client_of, event, secret_of

CAL = hostile_web.CAL
PATIENCE, BYSTANDER, GROWTH_MIB = 5.0, 1.0, 64
REFUSED = set(range(400, 500)) | {501, 505, 507}
VERDICTS = {
    # RFC 4918 sections 9.8.5 and 9.9.4: 502 where the destination is on another server.
    "elsewhere": REFUSED | {502}, "refuse": REFUSED, "any": REFUSED | set(range(200, 400)), "take": {201, 204}, "closed": REFUSED | {None},
    "cut": REFUSED | {None},
}


class Bystander(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.slowest, self.wrong, self.lock = 0.0, "", threading.Lock()

    def run(self):
        line = client_of("user3", timeout=30)
        while True:
            began = time.monotonic()
            try:
                status = line.ask("GET", "/dav/calendars/user3/default/mine.ics").status
            except Exception as error:
                status = repr(error)
            with self.lock:
                self.slowest = max(self.slowest, time.monotonic() - began)
                if status != 200:
                    self.wrong = f"the bystander got {status}"
            time.sleep(0.02)  # a light load, not a second attack

    def took(self):
        with self.lock:
            slowest, wrong = self.slowest, self.wrong
            self.slowest, self.wrong = 0.0, ""
        if not wrong and slowest > BYSTANDER:
            wrong = f"the bystander waited {slowest:.1f} s"
        return wrong


def memory_mib():
    with open(f"/proc/{os.environ['server']}/status") as said:
        return int(re.search(r"VmRSS:\s+(\d+)", said.read())[1]) / 1024


def raw(data):
    """The status of the first answer to these bytes, or None when the line was closed without one."""
    with socket.create_connection(("127.0.0.1", int(os.environ["port"])), timeout=PATIENCE) as line:
        got, began = b"", time.monotonic()
        try:
            line.sendall(data)
        except OSError:
            pass  # refused while we were still talking: the answer may be there
        try:
            while b"\r\n" not in got:
                more = line.recv(65536)
                if not more:
                    break
                got += more
        except ConnectionError:
            pass
        except TimeoutError:
            raise AssertionError(f"no answer within {time.monotonic() - began:.1f} s") from None
    found = re.match(rb"HTTP/1\.[01] (\d{3})", got)
    return int(found[1]) if found else None


def web(line, request):
    method, path, headers, body = request
    return line.ask(method, path, body, **{name.replace("-", "_"): value for name, value in headers.items()})


def well_formed(answer):
    if "xml" in (answer.headers["Content-Type"] or ""):
        tree.fromstring(answer.body)


RANGE = 'start="20260101T000000Z" end="20260201T000000Z"'
FOLLOW_UPS = {
    "query": f'<C:calendar-query {hostile_web.NS}><prop><getetag/><C:calendar-data/></prop><C:filter><C:comp-filter name="VCALENDAR">'
    f'<C:comp-filter name="VEVENT"><C:time-range {RANGE}/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>',
    "expand": f"<C:calendar-query {hostile_web.NS}><prop><C:calendar-data><C:expand {RANGE}/></C:calendar-data></prop>"
    f'<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range {RANGE}/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>',
    "freebusy": f"<C:free-busy-query {hostile_web.NS}><C:time-range {RANGE}/></C:free-busy-query>",
    "sync": f"<sync-collection {hostile_web.NS}><sync-token/><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>",
}


def timed(step, *words, **named):
    began = time.monotonic()
    answer = step(*words, **named)
    took = time.monotonic() - began
    assert took <= PATIENCE, f"answered after {took:.1f} s"
    return answer


def stored(line, name, text):
    """The object is there: it may be odd, it may not break anything."""
    got = timed(line.ask, "GET", CAL + name)
    assert got.status == 200, f"stored, GET {got.status}"
    assert got.body == (text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text), "stored, other bytes come back"
    assert name in timed(line.etags, CAL), "stored, not listed"
    for what, body in FOLLOW_UPS.items():
        answer = timed(line.ask, "REPORT", CAL, body, Depth="1", Content_Type="application/xml")
        assert answer.status in REFUSED | {200, 207}, f"stored, {what} {answer.status}"
        assert answer.status < 400 or what in ("expand", "freebusy", "query"), f"stored, {what} {answer.status}"
        well_formed(answer)


def run_ics(line, name, text, verdict):
    href = f"{name}.ics"
    answer = timed(line.put, CAL + href, text)
    try:
        assert answer.status in VERDICTS[verdict], f"PUT {answer.status} {answer.body[:160]!r}"
        well_formed(answer)
        if answer.status in (201, 204):
            stored(line, href, text)
        else:
            assert line.ask("GET", CAL + href).status == 404, "refused, yet something is stored"
    finally:
        gone = timed(line.ask, "DELETE", CAL + href).status
        assert gone in (200, 204, 404), f"DELETE {gone}"
        assert href not in line.etags(CAL), "deleted, still listed"


def run_web(line, name, request, verdict):
    answer = timed(web, line, request)
    assert answer.status in VERDICTS[verdict], f"{answer.status} {answer.body[:160]!r}"
    assert "X-Injected" not in answer.headers
    well_formed(answer)
    if answer.status == 207 and b"passwd" in answer.body:
        assert b"root:" not in answer.body


def run_raw(line, name, data, verdict):
    if verdict == "cut":
        with socket.create_connection(("127.0.0.1", int(os.environ["port"]))) as cut:
            cut.sendall(data)
        return
    status = timed(raw, data)
    assert status in VERDICTS[verdict], f"{status}"
    assert line.ask("GET", CAL + "raw.ics").status == 404, "something is stored"


def run_early(line, name, asked, verdict):
    """The answer may come before the body was read; then the line still works, or the answer said that it closes."""
    method, path, login = asked
    body = b'<propfind xmlns="DAV:"><prop/></propfind>'
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{login}Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(os.environ["port"])), timeout=PATIENCE) as open_line:
        open_line.sendall(head.encode())
        time.sleep(0.1)  # the point of the case: head and body are two packets
        open_line.sendall(body)
        answer = http.client.HTTPResponse(open_line, method=method)
        answer.begin()
        answer.read()
        if "close" in (answer.headers["Connection"] or "").lower():
            return
        open_line.sendall(b"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n")
        again = http.client.HTTPResponse(open_line, method="OPTIONS")
        again.begin()
        assert again.status in (200, 204), f"{answer.status}, then {again.status}"


def early(login):
    for known, given in (("stranger", ""), ("user", login + "\r\n")):
        for method, path in (
            ("PROPFIND", CAL), ("PROPFIND", CAL + "no.ics"), ("REPORT", CAL[:-8] + "no/"), ("MKCALENDAR", CAL), ("PROPPATCH", CAL + "no.ics"),
            ("PUT", CAL[:-8] + "no/x.ics"), ("PUT", CAL), ("DELETE", CAL + "no.ics"), ("GET", CAL + "no.ics"), ("BREW", CAL), ("POST", CAL),
        ):
            yield f"{known}-{method}-{path.rsplit('/', 1)[1] or path.split('/')[-2]}", (method, path, given), "any"


def families():
    mine = Client(os.environ["url"], "user1", secret_of("user1"))
    login = f"Authorization: {mine.headers['Authorization']}"
    return {
        "xml": (hostile_web.xml(), run_web), "ics": (hostile_ics.cases(), run_ics), "path": (hostile_web.path(), run_web),
        "http": (hostile_web.http(login), run_raw), "early": (early(login), run_early), "auth": (hostile_web.auth(mine.headers["Authorization"][6:]), run_raw),
    }


def one_case(run, case, bystander):
    """What is wrong with it, or nothing."""
    line, before = client_of("user1", timeout=PATIENCE + 5), memory_mib()
    wrong = ""
    try:
        run(line, *case)
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
    grown = memory_mib() - before
    if not wrong and grown > GROWTH_MIB:
        wrong = f"the server grew by {grown:.0f} MiB"
    return wrong or bystander.took()


def main():
    for user, name in (("user1", "seed"), ("user2", "seed"), ("user3", "mine")):
        answer = client_of(user).put(f"/dav/calendars/{user}/default/{name}.ics", event(f"{name}-{user}@interop"))
        assert answer.status == 201, answer.status
    bystander = Bystander()
    bystander.start()
    good = bad = 0
    for family, (cases, run) in families().items():
        if sys.argv[1:] and family not in sys.argv[1:]:
            continue
        total = wrong_here = 0
        for case in cases:
            wrong = one_case(run, case, bystander)
            total, wrong_here = total + 1, wrong_here + bool(wrong)
            if wrong:
                print(f"  RED {family}/{case[0]} ({case[2]}): {wrong[:400]}", file=sys.stderr)
            if not os.path.exists(f"/proc/{os.environ['server']}"):
                print("  RED the server is dead", file=sys.stderr)
                print(good, bad + 1)
                return
        good, bad = good + total - wrong_here, bad + wrong_here
        print(f"  {family}: {total} cases, {wrong_here} wrong", file=sys.stderr)
    for user in ("user1", "user2"):
        if client_of(user).ask("GET", f"/dav/calendars/{user}/default/seed.ics").status != 200:
            print(f"  RED the object of {user} is gone", file=sys.stderr)
            bad += 1
    print(good, bad)


main()
