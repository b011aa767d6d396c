"""The figures of search and booking over HTTP, on the clinic that booking_fill.py made. Every figure is printed beside what
it is aimed at and a ceiling measured in turns with it: the shortest request there is for searches, a bare PUT for bookings.

    bench_booking.py      data, url, server (a process), PEOPLE, STRICT in the environment; prints `PASSED FAILED`
"""

import datetime
import json
import os
import random
import re
import sys
import time
import urllib.parse
import zoneinfo

from booking_fill import PATTERNS, TEMPLATES, ZONES
from dav import client_of, event, secret_of
from http_load import cpu_ms, cpu_ms_of_all, head_of, packed, replay, share

PEOPLE, STRICT = int(os.environ["PEOPLE"]), os.environ["STRICT"] == "1"
IS_LITE, SERVER = "KALENDS_DATABASE" not in os.environ, os.environ["server"]
TIMES = int(os.environ.get("TIMES", "150"))
dice = random.Random(4)
with open(os.environ["data"] + "/world.json") as kept:
    world = json.load(kept)
host, port, head = head_of(os.environ["url"], "admin", secret_of("admin"))
door, line = (host, port), client_of("admin")
now = datetime.datetime.now(datetime.timezone.utc)
today = now.replace(hour=0, minute=0, second=0, microsecond=0)
results = []


def say(text):
    print("  " + text, file=sys.stderr)


def figure(name, value, aim, least=False, unit="ms"):
    """A figure against what it is aimed at; missed ones fail only when times count."""
    met = value >= aim if least else value <= aim
    results.append(met or not STRICT)
    say(f"{'      ' if met else 'MISSED'} {name}: {value:.2f} {unit} (aim {'at least' if least else 'at most'} {aim:g})")


def check(name, right):
    results.append(bool(right))
    if not right:
        say(f"WRONG  {name}")


def stamp(at):
    return at.isoformat().replace("+00:00", "Z")


def packed_all(asked):
    return [packed(head, *one) for one in asked]


def timed(asked, clients=1):
    """Answers and seconds and the server's processor time a request."""
    before = cpu_ms(SERVER)
    answers, took = replay(door, packed_all(asked), clients)
    return answers, took, (cpu_ms(SERVER) - before) / max(1, len(asked))


# --- search ------------------------------------------------------------------------------------------------------------


def any_of(name, count, some=1):
    return [(name, f"{name[0] if name != 'language' else 'g'}{dice.randrange(count)}") for _ in range(some)]


EVERYBODY = [("language", f"g{n}") for n in range(3)]
SOON = [("to", stamp(today + datetime.timedelta(days=88)))]
MIXES = {
    "specialty, mode": lambda: [("service", "visit"), *any_of("specialty", 40), ("mode", "video")],
    "specialty, place, mode": lambda: [("service", "visit"), *any_of("specialty", 40), *any_of("location", 50), ("mode", "in-person")],
    "place": lambda: [("service", "visit"), *any_of("location", 50)],
    "department, language": lambda: [("service", "visit"), *any_of("department", 8), *any_of("language", 3)],
    "anyone": lambda: [("service", "visit"), *EVERYBODY],
    "anyone, an hour, after 16:00": lambda: [("service", "hour"), *EVERYBODY, ("time_from", "16:00")],
    "anyone, on two days, mornings": lambda: [("minutes", "15"), *EVERYBODY, ("weekdays", "TU"), ("weekdays", "TH"), ("time_to", "10:00")],
    "five people": lambda: [("service", "visit"), *[("practitioner", str(dice.choice(world["people"]))) for _ in range(5)]],
    "specialty, buffers": lambda: [("service", "padded"), *any_of("specialty", 40)],
    "department, a day's limit": lambda: [("service", "limited"), *any_of("department", 8), ("mode", "video")],
    "specialty and a room": lambda: [("service", "scan"), *any_of("specialty", 40)],
    "three specialties, two places": lambda: [("service", "hour"), *any_of("specialty", 40, 3), *any_of("location", 50, 2)],
    "200 of a specialty": lambda: [("service", "visit"), *any_of("specialty", 40), ("limit", "200")],
    "weekly for eight weeks, specialty": lambda: [("minutes", "15"), *any_of("specialty", 40), ("series", "FREQ=WEEKLY;COUNT=8")],
}
NOTHING = {
    "full for 88 days": lambda: [("service", "visit"), ("specialty", "full"), *SOON],
    "nobody has it": lambda: [("service", "visit"), ("specialty", "none")],
    "nobody is open then": lambda: [("service", "visit"), *EVERYBODY, ("time_from", "22:00"), *SOON],
    "an evening that never fits": lambda: [("service", "hour"), *EVERYBODY, ("time_from", "17:15"), *SOON],
    "longer than nearly any gap": lambda: [("minutes", "235"), *EVERYBODY, *SOON],
    "longer than any hours": lambda: [("minutes", "400"), *EVERYBODY],
}


def half_a_year(of):
    ahead = stamp(today + datetime.timedelta(days=dice.randint(165, 185)))
    return [one for one in of() if one[0] != "to"] + [("from", ahead)]


def slots(asked):
    return ("GET", "/api/v1/slots?" + urllib.parse.urlencode(asked))


def searches():
    # In a later season: far enough for a service's horizon.
    groups = {f"{name}": make for name, make in MIXES.items()}
    groups |= {f"none: {name}": make for name, make in NOTHING.items()}
    groups |= {f"half a year: {name}": (lambda make=make: half_a_year(make)) for name, make in MIXES.items()
               if "weekly" not in name}
    live = ("GET", "/health/live")
    order = [name for name in ["ceiling", *groups] for _ in range(TIMES)]
    dice.shuffle(order)
    asked = [live if name == "ceiling" else slots(groups[name]()) for name in order]
    timed(asked[: TIMES * 4])  # once around: what is measured is warm
    answers, took, cpu = timed(asked)
    by = {}
    for name, answer in zip(order, answers):
        by.setdefault(name, []).append(answer)
    check("every search is answered", all(answer.status == 200 for answer in answers))
    if answers and any(answer.status != 200 for answer in answers):
        say(next(f"{name}: {answer.status} {answer.body[:300]!r}" for name, answer in zip(order, answers) if answer.status != 200))
    items = lambda answer: len(json.loads(answer.body)["items"]) if answer.status == 200 else -1
    for name, all_ in by.items():
        if name == "none: longer than nearly any gap":
            continue
        if name.startswith("none: "):
            check(f"{name}: nothing is found", all(items(answer) == 0 for answer in all_))
        elif name != "ceiling":
            check(f"{name}: something is found", any(items(answer) > 0 for answer in all_) or PEOPLE < 1000)
    of = lambda names: [answer.ms for name in names for answer in by[name]]
    ceiling = of(["ceiling"])
    say(f"{len(asked)} searches of {PEOPLE} practitioners, {cpu:.2f} ms of processor time each; the shortest request: "
        f"p50 {share(ceiling, 0.5):.2f}, p99 {share(ceiling, 0.99):.2f} ms")
    for name in groups:
        say(f"  {name:42} p50 {share(of([name]), 0.5):7.2f}  p99 {share(of([name]), 0.99):7.2f} ms")
    soon = of(MIXES)
    if PEOPLE <= 10_000:
        figure("searches by any mix, p50", share(soon, 0.5), 1)
        figure("searches by any mix, p99", share(soon, 0.99), 5)
        figure("no result and adversarial, p99", share(of(n for n in groups if n.startswith("none")), 0.99), 10)
        figure("half a year ahead, p99", share(of(n for n in groups if n.startswith("half")), 0.99), 10)
    else:
        filtered = [name for name in MIXES if "anyone" not in name]
        figure("filtered searches, p99", share(of(filtered), 0.99), 20)


def gone():
    """What is booked is offered no more, by the next request."""
    shown = 0
    for n in range(40):
        asked = slots([("service", "visit"), *any_of("specialty", 40)])
        first = json.loads(line.ask(*asked).body)["items"][0]
        made = line.ask("POST", "/api/v1/appointments", json.dumps({"token": first["token"]}), Content_Type="application/json")
        check("a slot is booked by its token", made.status == 201)
        after = json.loads(line.ask(*asked).body)["items"]
        shown += any((one["practitioner"], one["start"]) == (first["practitioner"], first["start"]) for one in after)
    figure("booked slots offered again at the next request", shown, 0, unit="of 40")


def holiday():
    """A day is closed for everybody, and opened again: the next search waits until the index knows."""
    asked, spent = slots([("service", "visit"), ("specialty", "s0")]), {"closed": [], "opened": []}
    for n in range(3):
        day = (today + datetime.timedelta(days=20 + n)).date().isoformat()
        made = line.ask("POST", "/api/v1/holidays?confirm=true", json.dumps({"title": "Closed", "first": day}),
                        Content_Type="application/json")
        told = json.loads(made.body)
        check("a holiday is made", made.status == 200)
        check("the first it lies over are listed, all are counted", len(told["appointments"]) == min(1000, told["count"]))
        spent["closed"] += [answer.ms for answer in timed([asked])[0]]
        gone = line.ask("DELETE", f"/api/v1/holidays/{told['id']}")
        check("a holiday is taken away", gone.status == 204)
        spent["opened"] += [answer.ms for answer in timed([asked])[0]]
    month = {"title": "Closed", "first": (today + datetime.timedelta(days=20)).date().isoformat(),
             "last": (today + datetime.timedelta(days=50)).date().isoformat()}
    before, began = memory(), time.monotonic()
    told = line.ask("POST", "/api/v1/holidays?dry_run=true", json.dumps(month), Content_Type="application/json")
    took = (time.monotonic() - began) * 1000
    say(f"what 31 days closed would lie over: {json.loads(told.body)['count']} visits, told in {took:.0f} ms and "
        f"{len(told.body) / 1e3:.0f} KB; the process held {before / 1e6:.0f} MB, and {memory('VmHWM') / 1e6:.0f} at most")
    say("the search after a day was closed for everybody, and opened again: at most "
        f"{max(spent['closed']):.0f} and {max(spent['opened']):.0f} ms")


# --- booking -----------------------------------------------------------------------------------------------------------


def workday(n, after=92):
    """The n-th workday after so many days: all are booked already for 90."""
    at = today.replace(tzinfo=BERLIN) + datetime.timedelta(days=after)
    at += datetime.timedelta(days=(7 - at.weekday()) % 7)
    return at + datetime.timedelta(days=n // 5 * 7 + n % 5)


# Everybody's half hours, in minutes of the wall clock; all in one zone, so that none in a room meets another.
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
HALVES = [n * 30 for n in (19, 20, 21, 22, 26, 27, 28, 29, 30, 31)]


def of_berlin(ids, first=0):
    """Those in Berlin, of practitioners that were made as the `first` and the following."""
    return [id for n, id in enumerate(ids, first) if n % PATTERNS % TEMPLATES % len(ZONES) == 0]


def bookings(count, first):
    """Each with a practitioner and a room that are free then."""
    spans, people = 70 * len(HALVES), of_berlin(world["people"])
    for n in range(first, first + count):
        span, lap = n % spans, n // spans
        start = workday(span // len(HALVES)) + datetime.timedelta(minutes=HALVES[span % len(HALVES)])
        who = people[(lap * 37 + span) % len(people)]
        room = world["rooms"][lap % len(world["rooms"])]
        body = {"practitioner": who, "with": [room], "start": stamp(start), "minutes": 30, "service": "visit"}
        yield "POST", "/api/v1/appointments", json.dumps(body)


def booking():
    clients, rounds, each = 16, 4, int(os.environ.get("BOOKINGS", "1500"))
    made, put, made_s, put_s, made_cpu, put_cpu, database = [], [], 0, 0, 0, 0, 0
    line.ask("MKCALENDAR", "/dav/calendars/admin/bare/")
    timed(list(bookings(200, 0)), clients)
    for turn in range(rounds):
        puts = [("PUT", f"/dav/calendars/admin/bare/{turn}-{n}.ics", event(f"{turn}-{n}@bench"), "text/calendar")
                for n in range(each)]
        answers, took, cpu = timed(puts, clients)
        put, put_s, put_cpu = put + answers, put_s + took, put_cpu + cpu / rounds
        before = cpu_ms_of_all("postgres")
        answers, took, cpu = timed(list(bookings(each, 200 + turn * each)), clients)
        database += (cpu_ms_of_all("postgres") - before) / each / rounds
        made, made_s, made_cpu = made + answers, made_s + took, made_cpu + cpu / rounds
    wrong = [answer for answer in made if answer.status != 201]
    check(f"every booking is made, not {wrong[:1] and (len(wrong), wrong[0].status, wrong[0].body[:300])}", not wrong)
    check("every PUT is taken", all(answer.status == 201 for answer in put))
    ms = [answer.ms for answer in made]
    say(f"bare PUTs by 16 clients: {len(put) / put_s:.0f}/s, p99 {share([a.ms for a in put], 0.99):.1f} ms, {put_cpu:.2f} ms of processor time each")
    say(f"bookings of a practitioner and a room by 16 clients: {len(made) / made_s:.0f}/s ({made_s / len(made) / (put_s / len(put)):.2f} "
        f"of a PUT), p50 {share(ms, 0.5):.1f}, p99 {share(ms, 0.99):.1f} ms, {made_cpu:.2f} ms of processor time each")
    if IS_LITE:
        figure("bookings a second", len(made) / made_s, 1000, least=True, unit="")
    else:
        say(f"  and {database:.2f} ms of the database's processes")
        figure("bookings, p99", share(ms, 0.99), 20)


def bots():
    """As bots book: for a patient, each call by a key of its own."""
    clients, each = 16, int(os.environ.get("BOOKINGS", "1500"))
    patients = [json.loads(line.ask("POST", "/api/v1/patients", json.dumps({"name": f"P {n}", "external_id": f"bench-{n}"})).body)["id"]
                for n in range(each)]
    asked = []
    for turn in range(3):
        for n, (method, path, body) in enumerate(bookings(each, 200 + (4 + turn) * each)):
            body = json.dumps(json.loads(body) | {"patient": patients[n]})
            asked.append(packed(f"{head}Idempotency-Key: bench-{turn}-{n}\r\n", method, path, body))
    told("the same for patients, with an Idempotency-Key each", asked, clients)


def told(name, asked, clients):
    """All of them are made; how fast, and what that costs."""
    before, busy = cpu_ms(SERVER), cpu_ms_of_all("postgres")
    made, took = replay(door, asked, clients)
    spent, database = cpu_ms(SERVER) - before, cpu_ms_of_all("postgres") - busy
    wrong = [answer for answer in made if answer.status != 201]
    check(f"{name}: {wrong[:1] and (len(wrong), wrong[0].status, wrong[0].body[:300])}", not wrong)
    ms = [answer.ms for answer in made]
    say(f"{name}: {len(made) / took:.0f}/s, p50 {share(ms, 0.5):.1f}, p99 {share(ms, 0.99):.1f} ms, "
        f"{spent / len(made):.2f} ms of processor time each" + ("" if IS_LITE else f" and {database / len(made):.2f} of the database's"))
    return made


def holds():
    """As bots book for whoever fills in a form: a time is held, for a phone of its own, and the hold is booked. While as many
    are held as are made here."""
    clients, each = 16, int(os.environ.get("HOLDS", "1200"))
    _, _, bot = head_of(os.environ["url"], "bot", secret_of("bot"))
    keep = [packed(bot, method, "/api/v1/holds", json.dumps(json.loads(body) | {"phone": f"+4930{8000000 + n}"}))
            for n, (method, _, body) in enumerate(bookings(each, 10700))]
    kept = told("holds of a practitioner and a room, by a bot", keep, clients)
    book = [packed(bot, "POST", "/api/v1/appointments", json.dumps({"hold": json.loads(one.body)["id"]}))
            for one in kept if one.status == 201]
    told("  and booked", book, clients)


def deeds():
    """What a front desk and practitioners do all day, each deed by itself: none may cost what the clinic is large."""
    took = {}

    def deed(name, method, path, body=None, right=(200, 201, 204)):
        began = time.monotonic()
        text = json.dumps(body) if isinstance(body, dict) else body
        answer = line.ask(method, path, text, Content_Type="text/calendar" if method == "PUT" else "application/json")
        took.setdefault(name, []).append((time.monotonic() - began) * 1e3)
        check(f"{name}: {answer.status} {answer.body[:200]}", answer.status in right)
        return json.loads(answer.body) if answer.body[:1] == b"{" else {}

    room = world["rooms"][-1]
    line.ask("MKCALENDAR", "/dav/calendars/admin/deeds/")
    for turn, (_, _, body) in enumerate(bookings(24, 12000)):
        body = json.loads(body) | {"with": [room]}
        who = body["practitioner"]
        name = {"name": f"D {turn}", "external_id": f"deed-{turn}", "phone": f"+4930{7000000 + turn}", "email": f"d{turn}@example.org"}
        patient = deed("a patient is written", "POST", "/api/v1/patients", name)["id"]
        deed("a patient is found by phone", "GET", f"/api/v1/patients?phone=%2B4930{7000000 + turn}")
        hold = deed("a time is held", "POST", "/api/v1/holds", body | {"phone": name["phone"]})["id"]
        deed("a hold is given up", "DELETE", f"/api/v1/holds/{hold}")
        booked = deed("an appointment is booked", "POST", "/api/v1/appointments", body | {"patient": patient})["id"]
        start = datetime.datetime.fromisoformat(body["start"].replace("Z", "+00:00"))
        deed("it is shown", "GET", f"/api/v1/appointments/{booked}")
        deed("a day of a practitioner", "GET", f"/api/v1/appointments?practitioner={who}&from={body['start'][:10]}T00:00:00Z&to={body['start'][:10]}T23:59:00Z")
        deed("what a patient has", "GET", f"/api/v1/appointments?patient={patient}")
        # To a Saturday where nobody stands, by whoever may.
        away = stamp(start + datetime.timedelta(days=5 - start.weekday()))
        deed("it is moved", "POST", f"/api/v1/appointments/{booked}/reschedule", {"start": away, "overbook": "bench"})
        deed("it is cancelled", "POST", f"/api/v1/appointments/{booked}/cancel", {"reason": "bench"})
        _, _, weekly = series(turn, "FREQ=WEEKLY;COUNT=12")
        series_id = deed("a series of twelve", "POST", "/api/v1/series", json.loads(weekly) | {"patient": patient})["id"]
        deed("it is cancelled as a whole", "DELETE", f"/api/v1/series/{series_id}")
        deed("the audit of a deed", "GET", f"/api/v1/audit?subject=appointment+{booked}")
        deed("practitioners, a page", "GET", "/api/v1/practitioners?limit=50")
        deed("patients, a page", "GET", "/api/v1/patients?limit=50")
        block = {"kind": "maintenance", "start": away, "end": stamp(start + datetime.timedelta(days=5 - start.weekday(), hours=2))}
        deed("a room is closed", "POST", f"/api/v1/resources/{room}/blocks?confirm=true", block)
        own = f"/dav/calendars/admin/deeds/{turn}.ics"
        deed("an event is put by CalDAV", "PUT", own, event(f"{turn}@deeds"))
        deed("and removed", "DELETE", own)
    for name, ms in took.items():
        say(f"  {name}: p50 {share(ms, 0.5):.1f}, at most {max(ms):.1f} ms")
    figure("the slowest deed, p50", max(share(ms, 0.5) for ms in took.values()), 50)


def series(n, rule):
    """Each with a room, at a weekly time of its own in it; the practitioners have nothing else."""
    times = 5 * len(HALVES)
    start = workday(n % 5, after=1) + datetime.timedelta(minutes=HALVES[n // 5 % len(HALVES)])
    people = of_berlin(world["spare"], len(world["people"]))
    lap = n // times
    body = {"practitioner": people[lap], "with": [world["series_rooms"][lap]], "start": stamp(start), "minutes": 30, "rule": rule}
    return "POST", "/api/v1/series", json.dumps(body)


def long():
    """Series by one client: 52 dates with a room, ten years beside the days that can be booked."""
    free = iter(range(5 * len(HALVES) * len(world["series_rooms"])))
    taken = lambda rule, count: [series(next(free), rule) for _ in range(count)]
    timed(taken("FREQ=WEEKLY;COUNT=52", 5))
    answers, _, cpu = timed(taken("FREQ=WEEKLY;COUNT=52", 100))
    wrong = [answer for answer in answers if answer.status != 201]
    check(f"every series is made, not {wrong[:1] and (len(wrong), wrong[0].status, wrong[0].body[:300])}", not wrong)
    ms = [answer.ms for answer in answers]
    say(f"series of 52 dates with a room: p50 {share(ms, 0.5):.1f}, p99 {share(ms, 0.99):.1f} ms, {cpu:.1f} ms of processor time")
    figure("a series of 52 dates of two, p50", share(ms, 0.5), 25)
    spent = {"FREQ=WEEKLY;COUNT=57": [], "FREQ=WEEKLY;COUNT=520": []}
    used = dict.fromkeys(spent, 0.0)
    for turn in range(15):
        for rule in spent:
            answers, _, cpu = timed(taken(rule, 5))
            wrong = [answer for answer in answers if answer.status != 201]
            check(f"every long series is made, not {wrong[:1] and (wrong[0].status, wrong[0].body[:300])}", not wrong)
            spent[rule] += [answer.ms for answer in answers]
            used[rule] += cpu / 15
    short, far = (share(one, 0.5) for one in spent.values())
    say(f"weekly up to the horizon p50 {short:.1f} ms, for ten years {far:.1f} ms; processor time " +
        " and ".join(f"{one:.1f}" for one in used.values()))
    figure("ten years against the horizon", far / short, 1.3, unit="times")


def unbooked():
    """In a calendar that nobody books in, the length of a series does not count."""
    rules = {"a week": "FREQ=DAILY;COUNT=7", "ten years": "FREQ=DAILY;COUNT=3653"}
    spent, used = {name: [] for name in rules}, dict.fromkeys(rules, 0.0)
    for turn in range(20):
        for name, rule in rules.items():
            puts = [("PUT", f"/dav/calendars/admin/bare/{name[0]}-{turn}-{n}.ics",
                     event(f"{name[0]}-{turn}-{n}@bench", more=["RRULE:" + rule]), "text/calendar") for n in range(50)]
            answers, _, cpu = timed(puts)
            check("every series is taken", all(answer.status == 201 for answer in answers))
            spent[name] += [answer.ms for answer in answers]
            used[name] += cpu / 20
    short, far = (share(one, 0.5) for one in spent.values())
    say(f"PUT of a series of a week p50 {short:.2f} ms, of ten years {far:.2f} ms; processor time " +
        " and ".join(f"{one:.2f}" for one in used.values()))
    figure("ten years against a week where nobody books", far / short, 1.2, unit="times")


def memory(what="VmRSS"):
    with open(f"/proc/{SERVER}/status") as said:
        return int(re.search(what + r":\s+(\d+)", said.read())[1]) * 1024


def built():
    """What the server says of the index that it built after its start."""
    with open(os.environ["log"]) as log:
        found = re.findall(r"the index of free time is built.*", re.sub(r"\x1b\[[0-9;]*m", "", log.read()))
    check("the index is built", found)
    if not found:
        return
    fields = dict(re.findall(r"(\w+)=(\d+)", found[-1]))
    resources, days, bytes_, took = (int(fields[name]) for name in ("resources", "days", "bytes", "duration_ms"))
    say(f"the index: {resources} resources, {days} days, {bytes_ / 1e6:.1f} MB; {took / 1000:.1f} s after the start; the process holds {memory() / 1e6:.0f} MB")
    figure("index a practitioner and 90 days", bytes_ / resources / 1024 / days * 90, 9, unit="KB")
    figure("build of 10,000", took / 1000 / resources * 10_000, 5, unit="s")


def ready():
    """Waits until the index is built: the first search does."""
    began = time.monotonic()
    # Eighty million visits of a hundred thousand practitioners are more than a minute's reading.
    patient = client_of("admin", timeout=600)
    answer = patient.ask(*slots([("service", "visit"), ("specialty", "s0")]))
    check("the first search is answered", answer.status == 200)
    say(f"the first search after the start: {time.monotonic() - began:.1f} s")


PARTS = {"built": built, "searches": searches, "gone": gone, "holiday": holiday, "booking": booking, "bots": bots, "holds": holds, "deeds": deeds, "long": long, "unbooked": unbooked}
ready()
for name, part in PARTS.items():
    if os.environ.get("ONLY", name) == name:
        part()
print(sum(results), len(results) - sum(results))
