"""The parts of interop/bench/freebusy: a calendar as text, the hours of its owner, copies of that person, the figures."""

import datetime
import json
import os
import random
import sqlite3
import sys

from dav import client_of, event

OBJECTS, AIM_MS, REQUESTS = 200, 150, 24
WORKDAYS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Kalends//interop//EN
BEGIN:VAVAILABILITY
UID:hours@interop
DTSTAMP:20260101T000000Z
BEGIN:AVAILABLE
UID:week@interop
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20240101T080000
DTEND;TZID=Europe/Berlin:20240101T180000
RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR
END:AVAILABLE
END:VAVAILABILITY
END:VCALENDAR
"""


def calendar():
    """Visits of 30 minutes in 2026, every fifth the begin of a weekly series."""
    dice = random.Random(1)
    texts = []
    for n in range(OBJECTS):
        day = datetime.datetime(2026, 1, 1) + datetime.timedelta(days=dice.randrange(365))
        start = day.replace(hour=dice.randrange(6, 17), minute=dice.choice([0, 15, 30, 45])).strftime("%Y%m%dT%H%M%SZ")
        more = ["RRULE:FREQ=WEEKLY"] if n % 5 == 0 else ["STATUS:TENTATIVE"] if n % 20 == 1 else []
        text = event(f"{n}@interop", f"Visit {n}", start, more)
        texts.append(text[text.index("BEGIN:VEVENT") : text.index("END:VCALENDAR")])
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Kalends//interop//EN\r\n"
    sys.stdout.write(head + "".join(texts) + "END:VCALENDAR\r\n")


def hours():
    body = (
        '<propertyupdate xmlns="DAV:"><set><prop><calendar-availability xmlns="urn:ietf:params:xml:ns:caldav">'
        f"{WORKDAYS}</calendar-availability></prop></set></propertyupdate>"
    )
    answer = client_of("p0").ask("PROPPATCH", "/dav/calendars/p0/inbox/", body, Content_Type="application/xml")
    assert answer.status == 207 and b"200 OK" in answer.body, answer.body


def copied(store, table, **changed):
    names = [row[1] for row in store.execute(f"pragma table_info({table})")]
    return f"insert into {table} ({', '.join(names)}) select {', '.join(changed.get(n, n) for n in names)} from {table}"


def copy():
    store = sqlite3.connect(os.environ["data"] + "/kalends.db")
    (owner,) = store.execute("select id from principals where name = 'p0'").fetchone()
    (own,) = store.execute("select id from collections where owner_id = ? and slug = 'default'", [owner]).fetchone()
    for n in range(1, int(os.environ["PEOPLE"])):
        (last,) = store.execute("select last from ids where name = 'id'").fetchone()
        person, shown = last + 1, last + 2
        store.execute("update ids set last = ? where name = 'id'", [shown])
        mine = dict(principal_id=str(person), owner_id=str(person), collection_id=str(shown))
        store.execute(copied(store, "principals", id=str(person), name=f"'p{n}'") + " where name = 'p0'")
        store.execute(copied(store, "availabilities", **mine) + f" where principal_id = {owner}")
        store.execute(copied(store, "collections", **mine, id=str(shown)) + f" where id = {own}")
        store.execute(copied(store, "objects", collection_id=str(shown)) + f" where collection_id = {own}")
        store.execute(copied(store, "grants", collection_id=str(shown)) + f" where collection_id = {own}")
    store.commit()


def cpu_ms():
    with open(f"/proc/{os.environ['server']}/stat") as said:
        fields = said.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def month(n):
    return f"2026-{n % 12 + 1:02}-01T00:00:00Z", f"{2026 + n % 12 // 11}-{(n + 1) % 12 + 1:02}-01T00:00:00Z"


def by_caldav(line, start, end):
    """The same month of the first one's calendar alone, as the report tells it: only what is busy."""
    basic = [text.replace("-", "").replace(":", "") for text in (start, end)]
    body = (
        '<free-busy-query xmlns="urn:ietf:params:xml:ns:caldav">'
        f'<time-range start="{basic[0]}" end="{basic[1]}"/></free-busy-query>'
    )
    path = "/dav/calendars/bench/default~p0/"
    answer = line.ask("REPORT", path, body, Depth="1", Content_Type="application/xml")
    assert answer.status == 200, answer.body
    lines = answer.body.decode().replace("\r\n ", "").splitlines()
    periods = [text for one in lines if one.startswith("FREEBUSY:") for text in one.split(":", 1)[1].split(",")]
    return sorted(tuple(period.split("/")) for period in periods)


def measure():
    line, people = client_of("bench"), int(os.environ["PEOPLE"])
    names = [f"p{n}" for n in range(people)]

    def ask(n):
        start, end = month(n)
        body = json.dumps({"principals": names, "start": start, "end": end})
        before = cpu_ms()
        answer = line.ask("POST", "/api/v1/freebusy", body, Content_Type="application/json")
        assert answer.status == 200, f"{answer.status} {answer.body[:300]!r}"
        return cpu_ms() - before, json.loads(answer.body)

    first, _ = ask(0)
    right, spent = True, []
    for n in range(REQUESTS):
        took, told = ask(n)
        spent.append(took)
        of = [entry.get("busy") for entry in told["principals"]]
        basic = lambda text: text.replace("-", "").replace(":", "")
        busy = sorted((basic(p["start"]), basic(p["end"])) for p in of[0] if p["type"] == "BUSY")
        types = {p["type"] for p in of[0]}
        right &= len(of) == people and all(one == of[0] for one in of) and busy == by_caldav(line, *month(n))
        right &= types >= {"BUSY", "BUSY-UNAVAILABLE"}
    mean = sum(spent) / len(spent)
    print(f"  {people} people x one month: {mean:.0f} ms of processor time (aim {AIM_MS})", file=sys.stderr)
    print(f"  the first request after a start: {first:.0f} ms, {people * OBJECTS} objects read", file=sys.stderr)
    strict = os.environ["STRICT"] == "1"
    results = [right, len(of[0]) > 30, mean <= AIM_MS or not strict]
    print(sum(results), len(results) - sum(results))


{"calendar": calendar, "hours": hours, "copy": copy, "measure": measure}[sys.argv[1]]()
