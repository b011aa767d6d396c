"""Many clients book the same few people, rooms and a hall at once, through every door: single visits and series of
overlapping lengths, holds, moves and cancellations as JSON, pairs cancelled in one call, PUT and DELETE as CalDAV. A line
that breaks (somebody kills the server) is no answer: the client waits for the server and goes on. Then the judge reads the
database.

    race_run.py ATTEMPTS POLICY DATABASE ADMIN PASSWORD URL...      prints `ATTEMPTS DONE REFUSED FAILED OVERLAPS MARKED
                                                                     FOREIGN STRAYS LOST HALF CUT`
"""

import base64
import datetime
import http.client
import json
import multiprocessing
import random
import sys
import time
import urllib.parse

import booking_judge

CLIENTS = 12
PEOPLE = ["rita", "sven", "tara"]


def stamp(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc)


class Cut(Exception):
    """The line broke: nobody knows whether it was done."""


class Door:
    """One client's kept connection."""

    def __init__(self, url, user, password):
        self.at = urllib.parse.urlsplit(url).netloc
        self.basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.connection = None

    def ask(self, method, path, body=None, kind="application/json"):
        data = body if isinstance(body, str) or body is None else json.dumps(body)
        headers = {"Authorization": self.basic, "Content-Type": kind}
        for attempt in (0, 1):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.at, timeout=60)
            try:
                self.connection.request(method, path, data, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, ConnectionError):
                self.connection = None
                if attempt:
                    raise Cut() from None
                # A connection that was kept may be closed before anything was sent; what was sent is not sent again.
                if method not in ("GET", "DELETE", "PUT"):
                    raise Cut() from None

    def done(self, method, path, body=None):
        status, answer = self.ask(method, "/api/v1" + path, body)
        if status >= 300:
            sys.exit(f"{method} {path}: {status} {answer[:300]}")
        return json.loads(answer) if answer else None


def prepare(door, policy, password):
    """Who and what is booked: ids of people, of rooms and of a hall with three places."""
    people = []
    week = {"intervals": [{"start": "00:00", "end": "24:00"}]}
    for name in PEOPLE:
        new = {"name": name, "display_name": name.title(), "zone": "UTC", "password": password, "public": True,
               "online": True}
        id = door.done("POST", "/practitioners", new)["id"]
        for change in [{"status": "pending"}, {"status": "active"}, {"policy": policy}]:
            door.done("PATCH", f"/practitioners/{id}", change)
        door.done("PUT", f"/practitioners/{id}/hours?confirm=true", week)
        people.append(id)
    rooms = [door.done("POST", "/rooms", {"display_name": f"Room {n}"})["id"] for n in range(2)]
    hall = door.done("POST", "/rooms", {"display_name": "Hall", "capacity": 3})["id"]
    door.done("PUT", "/settings", {"holds_staff": 1000})
    return people, rooms, hall


class Client:
    def __init__(self, number, urls, admin, password, world, base):
        self.number, self.base = number, base
        self.roll = random.Random(number * 7919 + int(base))
        self.people, self.rooms, self.hall = world
        url = urls[number % len(urls)]
        self.desk = Door(url, admin, password)
        self.phones = [Door(urls[(number + 1) % len(urls)], name, password) for name in PEOPLE]
        self.mine, self.put, self.pairs = [], [], []
        self.tried = self.made = self.refused = self.cut = 0
        self.failed = []

    def count(self, answered, good=(200, 201, 204)):
        status, body = answered
        self.tried += 1
        if status in good:
            self.made += 1
            return json.loads(body) if body.startswith(b"{") else {}
        if status in (403, 404, 409, 412, 422, 503):
            self.refused += 1
        else:
            self.failed.append(f"{status} {body[:200]}")
        return None

    def span(self):
        start = self.base + self.roll.randrange(2 * 24 * 12) * 300
        return start, self.roll.choice([5, 15, 20, 30, 45, 60, 90])

    def wish(self):
        start, minutes = self.span()
        with_ = self.roll.sample([*self.rooms, self.hall], self.roll.randrange(3))
        return {"practitioner": self.roll.choice(self.people), "with": with_, "start": stamp(start).isoformat(),
                "minutes": minutes}

    def book(self, more=None, path="/api/v1/appointments"):
        made = self.count(self.desk.ask("POST", path, {**self.wish(), **(more or {})}))
        if made:
            self.mine.append(made["id"])

    def series(self):
        self.book({"rule": f"FREQ=WEEKLY;COUNT={self.roll.randint(2, 6)}"}, "/api/v1/series")

    def hold(self):
        held = self.count(self.desk.ask("POST", "/api/v1/holds", self.wish()))
        if not held:
            return
        turn = self.roll.randrange(4)
        if turn < 2:
            made = self.count(self.desk.ask("POST", "/api/v1/appointments", {"hold": held["id"]}))
            if made:
                self.mine.append(made["id"])
        elif turn == 2:
            self.count(self.desk.ask("DELETE", f"/api/v1/holds/{held['id']}"))

    def move(self):
        if self.mine:
            start, minutes = self.span()
            body = {"start": stamp(start).isoformat(), "minutes": minutes}
            id = self.roll.choice(self.mine)
            self.count(self.desk.ask("POST", f"/api/v1/appointments/{id}/reschedule", body))

    def cancel(self):
        if self.mine:
            id = self.mine.pop(self.roll.randrange(len(self.mine)))
            if self.count(self.desk.ask("DELETE", f"/api/v1/appointments/{id}")) is None:
                self.mine.append(id)

    def pair(self):
        """Two go in one call: both or none, whatever becomes of the answer."""
        if len(self.mine) > 1:
            two = [self.mine.pop(self.roll.randrange(len(self.mine))) for _ in range(2)]
            self.pairs.append(two)
            acts = {"acts": [{"id": id, "scope": "all", "cancel": {"reason": "a pair"}} for id in two]}
            self.count(self.desk.ask("POST", "/api/v1/bulk", acts))

    def phone(self):
        who = self.roll.randrange(len(self.people))
        start, minutes = self.span()
        slug = self.roll.choice(["visits", "visits", "visits", "absences"])
        fresh = not self.put or self.roll.random() < 0.6
        at = (who, slug, f"race-{self.number}-{self.tried}") if fresh else self.roll.choice(self.put)
        who, slug, uid = at
        rule = "RRULE:FREQ=WEEKLY;COUNT=3\r\n" if self.roll.random() < 0.2 else ""
        text = (
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//race//EN\r\nBEGIN:VEVENT\r\n"
            f"UID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:{stamp(start):%Y%m%dT%H%M%SZ}\r\n"
            f"DTEND:{stamp(start + minutes * 60):%Y%m%dT%H%M%SZ}\r\n{rule}SUMMARY:From the phone\r\n"
            "END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        path = f"/dav/calendars/{PEOPLE[who]}/{slug}/{uid}.ics"
        if self.count(self.phones[who].ask("PUT", path, text, "text/calendar")) is not None and fresh:
            self.put.append(at)

    def drop(self):
        if self.put:
            who, slug, uid = self.put.pop(self.roll.randrange(len(self.put)))
            self.count(self.phones[who].ask("DELETE", f"/dav/calendars/{PEOPLE[who]}/{slug}/{uid}.ics"))

    def run(self, attempts):
        acts = [(self.book, 34), (self.series, 6), (self.hold, 14), (self.move, 16), (self.cancel, 10),
                (self.phone, 15), (self.drop, 5), (self.pair, 6)]
        names, weights = zip(*acts)
        while self.tried < attempts:
            before = self.tried
            try:
                self.roll.choices(names, weights)[0]()
                if self.tried == before:
                    self.book()
            except Cut:
                self.tried += 1
                self.cut += 1
                self.wait()
        return (self.tried, self.made, self.refused, self.failed[:5], len(self.failed), self.mine, self.pairs,
                self.cut)

    def wait(self):
        """Until the server is there again."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                self.desk.ask("GET", "/api/v1/appointments/my?limit=1")
                return
            except (Cut, OSError):
                time.sleep(0.05)
        sys.exit("the server did not come back")


def client(arguments):
    number, attempts, *rest = arguments
    return Client(number, *rest).run(attempts)


def main():
    attempts, policy, database, admin, password, *urls = sys.argv[1:]
    door = Door(urls[0], admin, password)
    world = prepare(door, policy, password)
    base = (int(time.time()) // 86_400 + 2) * 86_400
    work = [(n, int(attempts) // CLIENTS + 1, urls, admin, password, world, base) for n in range(CLIENTS)]
    # Whoever kills servers may begin.
    print("racing", flush=True)
    with multiprocessing.Pool(CLIENTS) as pool:
        told = pool.map(client, work, chunksize=1)
    tried, made, refused, failed = (sum(one[n] for one in told) for n in (0, 1, 2, 4))
    for line in [line for one in told for line in one[3]][:5]:
        print(line, file=sys.stderr)
    lost = 0
    for id in [id for one in told for id in one[5]]:
        status, body = settled(door, id)
        if status != 200 or json.loads(body)["status"] != "scheduled":
            lost += 1
            print(f"lost: {id} {status} {body[:300]}", file=sys.stderr)
    half = 0
    for two in [two for one in told for two in one[6]]:
        gone = [json.loads(body)["status"].startswith("cancelled") for _, body in (settled(door, id) for id in two)]
        if gone[0] != gone[1]:
            half += 1
            print(f"half: {two}", file=sys.stderr)
    cut = sum(one[7] for one in told)
    intervals, overlaps, marked, foreign, strays = booking_judge.judge(database, int(time.time()))
    print(f"{tried} attempts, {made} done, {refused} refused, {failed} failed; {intervals} intervals, "
          f"{overlaps} overlaps, {marked} marked ({foreign} of them not by a phone), {strays} strays, {lost} lost, "
          f"{half} pairs half done, {cut} answers cut off",
          file=sys.stderr)
    print(tried, made, refused, failed, overlaps, marked, foreign, strays, lost, half, cut)


def settled(door, id):
    """How an appointment is, from a server that may be coming back."""
    for _ in range(600):
        try:
            return door.ask("GET", f"/api/v1/appointments/{id}")
        except (Cut, OSError):
            time.sleep(0.1)
    sys.exit("the server did not come back")


if __name__ == "__main__":
    main()
