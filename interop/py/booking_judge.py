"""An independent judge of bookings: reads the database by its own client, expands the texts with other people's
libraries (PyPI icalendar, recurring-ical-events), and says where more stands than there is room for. Of what the server
derived it believes only the marks (who overbooked on purpose) and the live holds.

    booking_judge.py sqlite:FILE|postgres://... [NOW]      prints `INTERVALS OVERLAPS MARKED FOREIGN_MARKS STRAYS`
"""

import csv
import datetime
import io
import sqlite3
import subprocess
import sys
import time

import icalendar
import recurring_ical_events

DAY = 86_400
AHEAD = 420 * DAY


class Database:
    """Rows of either database, bytes as bytes, read-only."""

    def __init__(self, address):
        self.address = address
        self.sqlite = None
        if address.startswith("sqlite:"):
            self.sqlite = sqlite3.connect(f"file:{address.removeprefix('sqlite:')}?mode=ro", uri=True)

    def rows(self, sql):
        if self.sqlite:
            return self.sqlite.execute(sql).fetchall()
        sql = sql.replace("o.text", "encode(o.text, 'hex')")
        command = ["psql", "-q", self.address, "-c", f"copy ({sql}) to stdout with (format csv)"]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return list(csv.reader(io.StringIO(out)))

    def bytes(self, value):
        return value if self.sqlite else bytes.fromhex(value)


def seconds(value):
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time(), datetime.timezone.utc)
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    return int(value.timestamp())


def buffers(calendar):
    for event in calendar.walk("VEVENT"):
        if "X-KALENDS-BUFFERS" in event:
            before, after = str(event["X-KALENDS-BUFFERS"]).split("/")
            return int(before), int(after)
    return 0, 0


def takes_time(event, slug):
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return False
    return slug == "absences" or str(event.get("TRANSP", "OPAQUE")).upper() != "TRANSPARENT"


def intervals(text, slug, now):
    """(start, end, from, until) of everything in an object that takes time."""
    calendar = icalendar.Calendar.from_ical(text)
    before, after = buffers(calendar)
    begin = datetime.datetime.fromtimestamp(now - 2 * DAY, datetime.timezone.utc)
    end = datetime.datetime.fromtimestamp(now + AHEAD, datetime.timezone.utc)
    for event in recurring_ical_events.of(calendar).between(begin, end):
        start, until = seconds(event.start), seconds(event.end)
        if until > start and takes_time(event, slug):
            yield start, until, start - before, until + after


def overlaps(stands, capacity):
    """At how many instants where something begins there is too much, or something in a closed time."""
    found = 0
    instants = sorted({at for one in stands for at in (one[2], one[0])})
    ordered = sorted(stands, key=lambda one: one[2])
    live, at = [], 0
    for instant in instants:
        while at < len(ordered) and ordered[at][2] <= instant:
            live.append(ordered[at])
            at += 1
        live = [one for one in live if one[3] > instant]
        booked = [one for one in live if not one[4]]
        in_core = any(one[0] <= instant < one[1] for one in booked)
        closed = any(one[4] and one[0] <= instant < one[1] for one in live)
        if in_core and (len(booked) > capacity or closed):
            found += 1
    return found


def judge(address, now):
    database = Database(address)
    capacity = {int(id): int(most) for id, most in database.rows("select id, capacity from resources")}
    horizon = min(int(at) for (at,) in database.rows("select min(reached) from resources"))
    marks, foreign = set(), 0
    for resource, name, start, door in database.rows(
        "select resource_id, name, start_at, overbook_door from busy where overbook = 1"
    ):
        marks.add((int(resource), name, int(start)))
        foreign += door != "dav"
    stands = {id: [] for id in capacity}
    said = set()
    objects = database.rows(
        "select c.owner_id, c.slug, o.name, o.text from objects o join collections c on c.clinic_id = o.clinic_id "
        "and c.id = o.collection_id where c.slug in ('visits', 'absences')"
    )
    for owner, slug, name, text in objects:
        owner = int(owner)
        if owner not in stands:
            continue
        for start, end, low, high in intervals(database.bytes(text), slug, now):
            if start >= horizon:
                continue
            said.add((owner, name, start, end))
            if (owner, name, start) not in marks:
                stands[owner].append((start, end, low, high, slug == "absences"))
    kept = set()
    for resource, name, start, end, low, high, kind, expires in database.rows(
        "select resource_id, name, start_at, end_at, from_at, until_at, kind, coalesce(expires_at, 0) from busy"
    ):
        resource, start, end = int(resource), int(start), int(end)
        if kind != "hold":
            kept.add((resource, name, start, end))
        elif int(expires) > now and (resource, name, start) not in marks:
            stands[resource].append((start, end, int(low), int(high), False))
    over = sum(overlaps(stands[id], capacity[id]) for id in stands)
    # What the index and the texts do not have in common, within what is not over.
    strays = sum(1 for one in said ^ kept if one[2] > now - DAY)
    return len(said), over, len(marks), foreign, strays


if __name__ == "__main__":
    at = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    print(*judge(sys.argv[1], at))
