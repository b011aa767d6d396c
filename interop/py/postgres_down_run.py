"""R6 in small: the database goes away in two ways, and comes back; nothing acknowledged may be lost."""

import os
import time

from checks import Checks
from dav import Server, client_of, event
from gate import Gate

HOME = "/dav/calendars/user1/default/"
PATIENCE = 5.0  # seconds: an answer while it is dead, and the way back to normal
checks = Checks()
gate = Gate(int(os.environ["GATE"]), os.environ["GATE_HOST"], int(os.environ["GATE_AT"]))
gate.open()
server = Server()
server.start()
acked = {}


def put(n):
    answer = client_of("user1").put(f"{HOME}down-{n}.ics", event(f"down-{n}@interop", f"Down {n}"))
    if answer.status in (201, 204):
        acked[f"down-{n}.ics"] = event(f"down-{n}@interop", f"Down {n}")
    return answer


def refused(answer, seconds, what):
    assert answer.status == 503, f"{what}: {answer.status} {answer.body[:200]!r}"
    assert answer.headers["Retry-After"], f"{what}: 503 without Retry-After"
    assert seconds <= PATIENCE, f"{what}: answered after {seconds:.1f} s"


def ask_while_dead():
    """Known and unknown credentials, reading and writing; user2 has never logged in to this process."""
    body = '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
    for user, method, path, text in (
        ("user1", "PUT", f"{HOME}dead.ics", event("dead@interop")),
        ("user2", "PROPFIND", "/dav/calendars/user2/", body),
        ("user1", "DELETE", f"{HOME}down-0.ics", None),
    ):
        line, began = client_of(user, timeout=30), time.monotonic()
        answer = line.ask(method, path, text, Content_Type="text/calendar" if method == "PUT" else "application/xml")
        refused(answer, time.monotonic() - began, f"{method} by {user}")
    began = time.monotonic()
    answer = client_of("user1", timeout=30).ask("GET", f"{HOME}down-1.ics")
    # A memory that cannot be proven fresh may not answer.
    refused(answer, time.monotonic() - began, "GET by user1")


def back_within():
    began = time.monotonic()
    while time.monotonic() - began < 30:
        if put(500).status in (201, 204):
            return time.monotonic() - began
        time.sleep(0.05)
    raise AssertionError("not back within 30 s")


def all_there():
    line = client_of("user1")
    for name, text in acked.items():
        answer = line.ask("GET", HOME + name)
        assert answer.status == 200 and answer.body.decode() == text, f"{name}: {answer.status}"


with checks("it works through the proxy"):
    assert all(put(n).status == 201 for n in range(20))
gate.shut()
with checks("refused connections: 503 with Retry-After, soon, never 401"):
    ask_while_dead()
with checks("it is alive and not ready"):
    line = client_of("user1", timeout=30)
    assert line.ask("GET", "/health/live").status == 200
    assert line.ask("GET", "/health/ready").status == 503
gate.open()
with checks("back by itself within 5 s"):
    took = back_within()
    assert took <= PATIENCE, f"{took:.1f} s"
with checks("nothing acknowledged is lost"):
    all_there()
gate.stall()
with checks("a silent database: 503 with Retry-After, soon"):
    ask_while_dead()
gate.shut()
gate.open()
with checks("back by itself again within 5 s"):
    took = back_within()
    assert took <= PATIENCE, f"{took:.1f} s"
with checks("still nothing lost"):
    all_there()
with checks("ten cuts under writes: only 2xx and 503"):
    for turn in range(10):
        gate.shut()
        bad = put(1000 + turn).status
        gate.open()
        assert bad in (201, 204, 503), bad
        assert back_within() <= PATIENCE
    all_there()
server.stop()
checks.end()
