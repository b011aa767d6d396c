"""A clinic of thousands. `seed` makes its words, services, rooms and eight practitioners over the JSON door; `fill`, with
the server stopped, copies these in the database until there are enough and books their days: intervals without objects,
of which the search and the bookings' own check see no difference. One text for SQLite and PostgreSQL.

    booking_fill.py seed|fill       data, url, PEOPLE and, on PostgreSQL, KALENDS_DATABASE in the environment
"""

import datetime
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
import zoneinfo

from dav import client_of

TEMPLATES, PATTERNS, DAYS, SPARE = 8, 64, 90, 64
ZONES = ["Europe/Berlin", "Europe/London", "Europe/Athens"]
ROOMS, SERIES_ROOMS, SCANNERS = 32, 16, 8
# Booked, in percent, by pattern: one in eight has nothing left.
BOOKED = [60, 65, 70, 75, 80, 85, 95, 100]
WORKDAYS = ["MO", "TU", "WE", "TH", "FR"]


def hours_of(template):
    """Two intervals a workday, in minutes of the wall clock; one template in four has longer afternoons."""
    early, late = template % 4 * 30, 60 if template % 4 == 3 else 0
    return [(8 * 60 + early, 12 * 60), (13 * 60, 17 * 60 + late)]


def clock(minutes):
    return f"{minutes // 60:02}:{minutes % 60:02}"


def seed():
    line = client_of("admin")

    def done(method, path, body):
        answer = line.ask(method, "/api/v1" + path, json.dumps(body), Content_Type="application/json")
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return json.loads(answer.body) if answer.body else {}

    def term(dimension, code):
        return done("POST", "/terms", {"dimension": dimension, "code": code, "name": code})["id"]

    terms = {
        "specialty": [term("specialty", f"s{n}") for n in range(40)],
        "location": [term("location", f"l{n}") for n in range(50)],
        "language": [term("language", f"g{n}") for n in range(3)],
        "department": [term("department", f"d{n}") for n in range(8)],
        "mode": [term("mode", "in-person"), term("mode", "video")],
        "full": [term("specialty", "full")],
        "none": [term("specialty", "none")],
    }
    scanner = term("room-type", "scanner")
    rooms = [done("POST", "/rooms", {"display_name": f"Room {n}"})["id"] for n in range(ROOMS + SERIES_ROOMS)]
    scanners = [
        done("POST", "/rooms", {"display_name": f"Scanner {n}", "terms": [{"term": scanner}]})["id"]
        for n in range(SCANNERS)
    ]
    # As many days as a search of half a year needs, and no more: that is what the index is as large as.
    own = {"modes": ["in-person", "video"], "horizon_days": 199, "step": 15}
    services = {
        code: done("POST", "/services", {"code": code, "name": code, "minutes": minutes, **own, **more})["id"]
        for code, minutes, more in [
            ("visit", 30, {}),
            ("hour", 60, {}),
            ("padded", 30, {"pad_before": 5, "pad_after": 10}),
            ("limited", 30, {"day_limit": 6}),
            ("scan", 30, {"needs": [{"kind": "room", "term": "scanner"}]}),
        ]
    }
    people = []
    for n in range(TEMPLATES):
        new = {"name": f"t{n}", "display_name": f"Dr. {n}", "zone": ZONES[n % 3], "public": True, "online": True}
        people.append(done("POST", "/practitioners", new)["id"])
        for status in ("pending", "active"):
            done("PATCH", f"/practitioners/{people[-1]}", {"status": status})
        week = [{"weekdays": WORKDAYS, "start": clock(a), "end": clock(b)} for a, b in hours_of(n)]
        done("PUT", f"/practitioners/{people[-1]}/hours?confirm=true", {"intervals": week})
    world = {"terms": terms, "rooms": rooms[:ROOMS], "series_rooms": rooms[ROOMS:], "scanners": scanners,
             "services": services, "templates": people}
    with open(os.environ["data"] + "/world.json", "w") as out:
        json.dump(world, out)


def visits(pattern, today):
    """(from, end, until, service) of one pattern over the days: quarters to three, one in four with a buffer."""
    dice, zone = random.Random(pattern), zoneinfo.ZoneInfo(ZONES[pattern % TEMPLATES % 3])
    booked, found = BOOKED[pattern // TEMPLATES], []
    for day in (today + datetime.timedelta(days=n) for n in range(DAYS)):
        if day.weekday() > 4:
            continue
        midnight = datetime.datetime.combine(day, datetime.time())
        for begin, end in hours_of(pattern % TEMPLATES):
            at = begin
            while at < end:
                length = min(15 * dice.randint(1, 3), end - at)
                if dice.randrange(100) < booked:
                    start = int((midnight + datetime.timedelta(minutes=at)).replace(tzinfo=zone).timestamp())
                    pad = 300 if booked < 100 and dice.randrange(4) == 0 else 0
                    found.append((start, start + length * 60 - pad, start + length * 60, "visit"))
                at += length
    return found


def occupied(scanner, today):
    """Of a room that is always open: six hours in ten."""
    dice = random.Random(1000 + scanner)
    midnight = int(datetime.datetime.combine(today, datetime.time(), datetime.timezone.utc).timestamp())
    hours = [midnight + n * 3600 for n in range(DAYS * 24) if dice.randrange(10) < 6]
    return [(start, start + 2700, start + 2700, None) for start in hours]


class Store:
    """The server's database, by one text for both."""

    def __init__(self):
        self.url = os.environ.get("KALENDS_DATABASE")
        self.text = []
        self.lite = None if self.url else sqlite3.connect(os.environ["data"] + "/kalends.db", isolation_level=None)

    def rows(self, sql):
        if self.lite:
            return self.lite.execute(sql).fetchall()
        said = subprocess.run(["psql", "-qAt", "-F\t", self.url, "-c", sql], check=True, capture_output=True, text=True)
        return [tuple(row.split("\t")) for row in said.stdout.splitlines()]

    def columns(self, table):
        if self.lite:
            return [row[1] for row in self.lite.execute(f"pragma table_info({table})")]
        sql = f"select column_name from information_schema.columns where table_name = '{table}' order by ordinal_position"
        return [row[0] for row in self.rows(sql)]

    def do(self, sql):
        self.text.append(sql + ";")

    def insert(self, table, rows):
        for some in (rows[n : n + 500] for n in range(0, len(rows), 500)):
            value = lambda one: "null" if one is None else f"'{one}'" if isinstance(one, str) else str(one)
            self.do(f"insert into {table} values " + ",".join(f"({','.join(map(value, row))})" for row in some))

    def copy(self, table, source, where, **changed):
        """Rows of `t`, once for each of `f`, with some columns changed."""
        names = self.columns(table)
        picked = ", ".join(changed.get(name, f"t.{name}") for name in names)
        self.do(f"insert into {table} ({', '.join(names)}) select {picked} from {source} join {table} t on {where}")

    def run(self):
        text = "\n".join(self.text)
        if self.lite:
            # One transaction, in memory as far as it goes; what it leaves is on the disk before the server starts.
            self.lite.executescript("pragma synchronous = off; pragma cache_size = -1000000; pragma temp_store = memory;"
                                    f"begin; {text} commit; pragma wal_checkpoint(truncate);")
            self.lite.close()
        else:
            text = f"set maintenance_work_mem = '1GB'; begin; {text} commit; analyze;"
            subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", self.url], input=text, check=True, text=True,
                           stdout=subprocess.DEVNULL)


def fill():
    began, store, people = time.monotonic(), Store(), int(os.environ["PEOPLE"])
    with open(os.environ["data"] + "/world.json") as kept:
        world = json.load(kept)
    terms, templates = world["terms"], world["templates"]
    (clinic,) = store.rows(f"select clinic_id from principals where id = {templates[0]}")[0]
    last = int(store.rows("select last from ids where name = 'id'")[0][0])
    everybody = people + SPARE
    ids = [last + 1 + n for n in range(everybody)]
    homes = {}
    for owner, home in store.rows(f"select owner_id, id from collections where owner_id in ({','.join(map(str, templates))})"):
        homes.setdefault(int(owner), []).append(int(home))
    last += everybody
    who, shelves, tags = [], [], []
    for n, id in enumerate(ids):
        pattern = n % PATTERNS
        template = templates[pattern % TEMPLATES]
        who.append((n, id, template, pattern if n < people else -1))
        for home in sorted(homes[template]):
            last += 1
            shelves.append((last, id, home))
        if n >= people:
            continue  # only by their numbers: whoever is searched for has hardly any time left
        full = BOOKED[pattern // TEMPLATES] == 100
        tags += [(id, terms["specialty"][n * 7 % 40], 127), (id, terms["department"][n % 8], 127)]
        tags += [(id, terms["language"][n % 3], 127), (id, terms["mode"][0], 127)]
        tags += [(id, terms["location"][n * 11 % 50], 7), (id, terms["location"][(n * 11 + 1) % 50], 24)]
        tags += [(id, terms["mode"][1], 127)] * (n // 3 % 2) + [(id, terms["full"][0], 127)] * full
    store.do("create temporary table fill_who (n bigint, id bigint primary key, template bigint, pattern bigint)")
    store.do("create temporary table fill_home (id bigint primary key, owner bigint, old bigint)")
    store.do("create temporary table fill_tag (who bigint, term bigint, days bigint)")
    store.do("create temporary table fill_visit (pattern bigint, n bigint, at bigint, until bigint, free bigint, service text)")
    store.insert("fill_who", who)
    store.insert("fill_home", shelves)
    store.insert("fill_tag", tags)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    rows = [(pattern, n, *visit) for pattern in range(PATTERNS) for n, visit in enumerate(visits(pattern, today))]
    busy = [(10_000 + k, n, *visit) for k in range(SCANNERS) for n, visit in enumerate(occupied(k, today))]
    store.insert("fill_visit", rows + busy)
    store.do("create index fill_visit_by on fill_visit (pattern, at)")
    mine = "fill_who f"
    store.copy("principals", mine, "t.id = f.template", id="f.id", name="'p' || f.n", display_name="'Dr. P' || f.n")
    for table, key in (("profiles", "principal_id"), ("resources", "id"), ("availabilities", "principal_id")):
        store.copy(table, mine, f"t.{key} = f.template", **{key: "f.id"})
    store.copy("collections", "fill_home f", "t.id = f.old", id="f.id", owner_id="f.owner")
    store.do(f"insert into resource_terms (clinic_id, principal_id, term_id, weekdays) select {clinic}, who, term, days from fill_tag")
    for n, room in enumerate(world["scanners"]):
        store.do(f"insert into fill_who values ({-1 - n}, {room}, 0, {10_000 + n})")
    # The database's own checks would look at each of millions of rows: taken away, and put back on what then stands.
    if store.lite:
        kept = [row[0] for row in store.rows("select sql from sqlite_master where name in ('busy_fits', 'busy_by_source')")]
        undo = ["drop trigger busy_fits", "drop index busy_by_source"]
    else:
        defined = store.rows("select pg_get_constraintdef(oid) from pg_constraint where conname = 'busy_alone'")[0][0]
        source = store.rows("select indexdef from pg_indexes where indexname = 'busy_by_source'")[0][0]
        kept = ["alter table busy enable trigger user", source, f"alter table busy add constraint busy_alone {defined}"]
        undo = ["alter table busy disable trigger user", "drop index busy_by_source",
                "alter table busy drop constraint busy_alone"]
    for sql in undo:
        store.do(sql)
    store.do(
        "insert into busy (clinic_id, resource_id, from_at, collection_id, name, occurrence, start_at, end_at, until_at, kind,"
        f" capacity, overbook, service) select {clinic}, f.id, v.at, c.id, 'fill-' || v.n || '.ics', 0, v.at, v.until, v.free,"
        " 'visit', 1, 0, v.service from fill_who f join collections c on c.owner_id = f.id and c.slug = 'visits'"
        f" and c.clinic_id = {clinic} join fill_visit v on v.pattern = f.pattern order by f.id, v.at")
    for sql in kept:
        store.do(sql)
    store.do(f"update ids set last = {last + 1} where name = 'id'")
    store.run()
    world["people"], world["spare"] = ids[:people], ids[people:]
    with open(os.environ["data"] + "/world.json", "w") as out:
        json.dump(world, out)
    count = sum(len(visits(pattern, today)) for pattern in range(PATTERNS)) * people // PATTERNS
    print(f"  filled: {people} practitioners, about {count} visits in {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    {"seed": seed, "fill": fill}[sys.argv[1]]()
