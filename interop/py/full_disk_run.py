"""R3: fill, refuse, read, delete, write again; nothing acknowledged may be lost and no restart may be needed."""

import os

from checks import Checks
from dav import client_of, event

HOME = "/dav/calendars/user1/default/"
checks = Checks()
line = client_of("user1")
acked = {}


def text_of(n, size=6000):
    return event(f"full-{n}@interop", f"Full {n}", more=["X-FILL:" + "y" * 60] * (size // 70))


def fill(first, size):
    """The status of the first refusal; every acknowledged text is kept."""
    for n in range(first, first + 3000):
        answer = line.put(f"{HOME}full-{n}.ics", text_of(n, size))
        if answer.status != 201:
            return answer
        acked[f"full-{n}.ics"] = text_of(n, size)
    raise AssertionError("3,000 objects fitted into 4 MiB")


def all_readable():
    names = line.names(HOME)
    assert set(acked) <= names, f"{len(set(acked) - names)} acknowledged objects are not listed"
    for name, text in acked.items():
        answer = line.ask("GET", HOME + name)
        assert answer.status == 200 and answer.body.decode() == text, f"{name}: {answer.status}"


with checks("a full disk is refused with 507"):
    refusal = fill(0, 6000)
    assert refusal.status == 507, f"{refusal.status} {refusal.body[:300]!r}"
    assert len(acked) >= 20, f"only {len(acked)} objects before the refusal"
with checks("smaller objects too, in the end"):
    refusal = fill(10000, 100)
    assert refusal.status == 507, f"{refusal.status} {refusal.body[:300]!r}"
with checks("everything acknowledged is there while it is full"):
    all_readable()
with checks("reports work while it is full"):
    body = (
        '<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns="DAV:"><prop><getetag/></prop><C:filter>'
        '<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260101T000000Z" '
        'end="20260201T000000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>'
    )
    answer = line.ask("REPORT", HOME, body, Depth="1", Content_Type="application/xml")
    assert answer.status == 207 and len(list(answer.multistatus())) == len(acked), answer.status
    assert line.sync(HOME)[0] == set(acked)
with checks("overwriting with a larger text is refused with 507 and the old one stays"):
    name = sorted(acked)[0]
    answer = line.put(HOME + name, text_of(0, 500000))
    assert answer.status == 507, f"{answer.status} {answer.body[:300]!r}"
    assert line.ask("GET", HOME + name).body.decode() == acked[name]
with checks("DELETE works while it is full"):
    for name in sorted(acked)[: len(acked) // 2]:
        answer = line.ask("DELETE", HOME + name)
        assert answer.status in (200, 204), f"{name}: {answer.status} {answer.body[:300]!r}"
        del acked[name]
    assert line.names(HOME) == set(acked)
with checks("writes work again without a restart"):
    for n in range(5000, 5010):
        answer = line.put(f"{HOME}full-{n}.ics", text_of(n))
        assert answer.status == 201, f"{answer.status} {answer.body[:300]!r}"
        acked[f"full-{n}.ics"] = text_of(n)
with checks("all that is left is as it was sent"):
    all_readable()
with checks("the server says that it is ready"):
    assert line.ask("GET", "/health/ready").status == 200
checks.end()
