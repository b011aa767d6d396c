"""Practitioners of a Workspace domain, each with a link, on one server; changes on both sides of a few dozen of them at an
even pace, at rest and while the first pull of a large calendar runs; the first push of a calendar; then floods of
notifications, forged and true. A change here counts from its 2xx to its call at the fake; a change there from the moment the
fake sends its notification to the event's being in sync-collection. Prints, then `PASSED FAILED`."""

import http.client
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

from dav import Server, client_of, event
from fake_google import FAKE, control
from http_load import packed, replay

STRICT, LINKS = os.environ["STRICT"] == "1", int(os.environ["LINKS"])
EVENTS = int(os.environ["EVENTS"])
PUSH_S, PULL_S, FIRST_PULL_S, PEAK_MIB = 2.0, 5.0, 60.0 * max(1, EVENTS / 5_000), 250
# Events of a first push, and what of a minute's calls of an account it may have (`Pace`): the next begins after the minute.
PUSHED, PERMITTED, A_MINUTE = 650, 480, 360
NOTICES, A_SECOND, FORGED_MS, LISTS = 10_000, 1_000, 50.0, 6
# Those who are changed, changes of each side a second, and for how long.
WATCHED, PACE, SECONDS, PATIENCE = 50, 5, 40, 60
server = Server()
dice = random.Random(7)


def again(ask):
    """A line that has rested for long may have been closed by the server."""
    try:
        return ask()
    except (http.client.HTTPException, OSError):
        return ask()


def say(text):
    print(f"  {text}", file=sys.stderr)


def kalends(*words, secret=None):
    command = [os.environ["KALENDS"], *words, "--data", os.environ["data"]]
    done = subprocess.run(command, input=secret, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout.strip()


def link(number, events=0, ours=0):
    """A person's calendars; `events` stand there before they are linked, `ours` here."""
    user, email = f"p{number}", f"p{number}@clinic.example"
    kalends("user", "add", user, "--password-stdin", secret=f"interop-{user}-passphrase")
    if ours:
        many = subprocess.run([sys.executable, f"{os.path.dirname(__file__)}/many_events.py", str(ours)], capture_output=True, check=True)
        with open(f"{os.environ['data']}/ours.ics", "wb") as file:
            file.write(many.stdout)
        kalends("import", user, "default", file.name)
    control(do="account", email=email, zone="Europe/Berlin")
    for n in range(events):
        year, month = 2026 + n // 5040, n // 420 % 12 + 1
        at = {"dateTime": f"{year}-{month:02}-{n % 28 + 1:02}T{n % 10 + 8:02}:00:00Z", "timeZone": "UTC"}
        control(do="event", calendar=email, event={"id": f"old{n:05}", "summary": f"old {n}", "start": at, "end": at})
    account = kalends("google", "delegate", user, email).split()[0]
    return kalends("google", "link", user, account, email, "default", "--privacy", "full")


def metrics():
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as answer:
        return answer.read().decode()


def figure(name):
    found = re.findall(rf"^kalends_google_{name}(?:{{([^}}]*)}})? (\d+)$", metrics(), re.M)
    return {labels: int(value) for labels, value in found}


def until(what, seconds=600):
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "did not come to rest"
        time.sleep(0.25)
    return time.monotonic() - began


def at_rest():
    channels = len(control(do="channels"))
    return channels >= LINKS and not any(figure("outbox").values())


class Watch(threading.Thread):
    """Looks for what is awaited, again and again; `found` holds the seconds each took."""

    def __init__(self):
        super().__init__(daemon=True)
        self.awaited, self.found, self.lock, self.ends = {}, [], threading.Lock(), False

    def expect(self, what):
        with self.lock:
            self.awaited[what] = time.monotonic()

    def seen(self, what):
        with self.lock:
            if what in self.awaited:
                self.found.append(time.monotonic() - self.awaited.pop(what))

    def run(self):
        while not self.ends:
            self.look()
            time.sleep(0.03)

    def finish(self):
        began = time.monotonic()
        while self.awaited and time.monotonic() - began < PATIENCE:
            time.sleep(0.1)
        self.ends = True
        self.join()
        return sorted(self.found + [float("inf")] * len(self.awaited))


class There(Watch):
    """UIDs among the calls to the fake: titles of our own making stand in their bodies."""

    def __init__(self):
        super().__init__()
        self.read = len(control(do="record"))

    def look(self):
        new = control(do="record", **{"from": self.read})
        self.read += len(new)
        for call in new:
            if call["methodId"] in ("calendar.events.insert", "calendar.events.import", "calendar.events.patch", "calendar.events.update"):
                for title in re.findall(r"here-\d+-\d+", call["body"]):
                    self.seen(title)


class Here(Watch):
    """New members of the practitioners' calendars."""

    def __init__(self, lines):
        super().__init__()
        self.lines = lines
        self.tokens = {number: lines[number].sync(home(number))[2] for number in lines}
        self.of = {}

    def look(self):
        for number in {self.of[what] for what in list(self.awaited)}:
            line, token = self.lines[number], self.tokens[number]
            changed, _, self.tokens[number] = again(lambda: line.sync(home(number), token))
            for name in changed:
                answer = self.lines[number].ask("GET", home(number) + name)
                for title in re.findall(r"there-\d+-\d+", answer.body.decode()):
                    self.seen(title)


def home(number):
    return f"/dav/calendars/p{number}/default/"


def measure(turn):
    numbers = dice.sample(range(LINKS), min(WATCHED, LINKS))
    writers, readers = ({n: client_of(f"p{n}") for n in numbers} for _ in range(2))
    for n in numbers:
        writers[n].ask("OPTIONS", "/dav/")  # the password is hashed here
    there, here = There(), Here(readers)
    there.start()
    here.start()
    began = time.monotonic()
    for k in range(PACE * SECONDS):
        time.sleep(max(0.0, began + k / PACE - time.monotonic()))
        n = dice.choice(numbers)
        title, start = f"here-{turn}-{k}", f"202607{k % 28 + 1:02}T{k % 10 + 8:02}0000Z"
        written = again(lambda: writers[n].put(f"{home(n)}{title}.ics", event(f"{title}@interop", title, start)))
        assert written.status in (201, 204), written.status
        there.expect(title)
        n = dice.choice(numbers)
        title, at = f"there-{turn}-{k}", {"dateTime": f"2026-08-{k % 28 + 1:02}T{k % 10 + 8:02}:00:00Z", "timeZone": "UTC"}
        here.of[title] = n
        here.expect(title)
        new = {"id": f"new{turn}{k:05}", "summary": title, "start": at, "end": at}
        control(do="event", calendar=f"p{n}@clinic.example", event=new)
    return there.finish(), here.finish()


def tell(what, times, bar):
    p50, p95 = times[len(times) // 2], times[len(times) * 95 // 100]
    met = p95 <= bar
    say(f"{'' if met else 'MISSED '}{what}: {len(times)} changes, p50 {p50:.2f}, p95 {p95:.2f}, slowest {times[-1]:.2f} s (aim {bar:.0f})")
    return [times[-1] != float("inf"), met or not STRICT]


with open(f"{os.environ['data']}/key.json", "w") as key:
    json.dump(control(do="delegate", service="kalends@clinic.example", scopes=["calendar", "calendar.readonly", "calendar.events", "calendar.calendarlist.readonly"]), key)
began = time.monotonic()
for number in range(LINKS):
    link(number)
say(f"{LINKS} practitioners linked in {time.monotonic() - began:.0f} s")
server.start()
took = until(at_rest)
say(f"all compared and watched for the first time after {took:.0f} s; {server.memory_mib():.0f} MiB")
results = []
there, here = measure(1)
results += tell("a change here is there", there, PUSH_S) + tell("a change there is here", here, PULL_S)

server.stop()
link(LINKS, EVENTS)
server.start()
pulled = client_of(f"p{LINKS}")
began, taken = time.monotonic(), []


def all_pulled():
    if len(again(lambda: pulled.sync(home(LINKS)))[0]) >= EVENTS:
        taken.append(time.monotonic() - began)
        return True


backfill = threading.Thread(target=until, args=(all_pulled,), daemon=True)
backfill.start()
there, here = measure(2)
results += tell("a change here is there, beside a first pull", there, PUSH_S)
results += tell("a change there is here, beside a first pull", here, PULL_S)
backfill.join(FIRST_PULL_S)
took = taken[0] if taken else float("inf")
met = took <= FIRST_PULL_S
peak = server.memory_mib("VmHWM")
say(f"{'' if met else 'MISSED '}the first pull of {EVENTS} events: {took:.0f} s (aim {FIRST_PULL_S:.0f}); {server.memory_mib():.0f} MiB, {peak:.0f} at most (aim {PEAK_MIB})")
results += [bool(taken), met and peak <= PEAK_MIB or not STRICT]

def first_push():
    """Of a calendar whose events stand here: as fast as an account may write, and no faster."""
    server.stop()
    link(LINKS + 1, ours=PUSHED)
    before = len(control(do="record"))
    server.start()

    def calls():
        return [call for call in control(do="record", **{"from": before}) if call["user"] == f"p{LINKS + 1}@clinic.example"]

    def written():
        return sum(call["methodId"] in ("calendar.events.insert", "calendar.events.import") and call["status"] < 300 for call in calls())

    took = until(lambda: written() >= PUSHED)
    times = [call["at"] for call in calls()]
    busiest = max(sum(at <= other < at + 60 for other in times) for at in set(times))
    # A minute for each part but the last, and a quarter of one to write.
    bar = (PUSHED - 1) // A_MINUTE * 60 + 15
    met = took <= bar and busiest <= PERMITTED
    say(f"{'' if met else 'MISSED '}the first push of {PUSHED} events: {took:.0f} s (aim {bar}), at most {busiest} calls in a minute (permitted {PERMITTED})")
    once = written()
    if once != PUSHED:
        say(f"WRONG {once} events were written")
    return [once == PUSHED, met or not STRICT]


def address(url):
    at = urllib.parse.urlsplit(url)
    return at.hostname, at.port


def forged():
    """Of channels that nobody opened."""
    head = "Host: clinic\r\nX-Goog-Channel-Token: forged\r\nX-Goog-Resource-State: exists\r\nX-Goog-Channel-ID: "
    asks = [packed(f"{head}forged{n}\r\n", "POST", "/hooks/google/calendar") for n in range(NOTICES)]
    # The end of a long push still calls: a link looks at what it was told of two seconds after its last turn.
    before = -1
    while before != (before := len(control(do="record"))):
        time.sleep(3)
    answers, took = replay(address(server.url), asks, clients=8)
    times = sorted(answer.ms for answer in answers)
    p99, pace = times[len(times) * 99 // 100], NOTICES / took
    called = control(do="record", **{"from": before})
    others = {answer.status for answer in answers} - {204}
    quiet = not called and not others
    if not quiet:
        say(f"WRONG calls {[(call['methodId'], call['user']) for call in called]}, answers {others}")
    met = p99 <= FORGED_MS and pace >= A_SECOND
    say(f"{'' if met else 'MISSED '}forged notifications: {pace:.0f}/s, p99 {p99:.1f}, slowest {times[-1]:.1f} ms (aim {FORGED_MS:.0f} at {A_SECOND}/s)")
    return [quiet, met or not STRICT]


def true():
    """Of one link's channel, each sent by the fake."""
    channel = next(one["id"] for one in control(do="channels") if "/events" in one["resourceUri"])
    body = json.dumps({"do": "stray", "channel": channel, "state": "exists"})
    sent, calls = len(control(do="deliveries")), len(control(do="record"))
    _, took = replay(address(FAKE), [packed("Host: fake\r\n", "POST", "/control", body)] * NOTICES, clients=4)
    until(lambda: len(control(do="deliveries")) >= sent + NOTICES)
    until(at_rest)
    time.sleep(3)
    lists = sum(call["methodId"] == "calendar.events.list" for call in control(do="record", **{"from": calls}))
    met = lists <= LISTS
    say(f"{'' if met else 'MISSED '}{NOTICES} notifications of one link in {took:.0f} s: {lists} list calls (aim at most {LISTS} in 10 s)")
    return [lists > 0, met or not STRICT]


results += first_push() + forged() + true()
server.stop()
print(sum(results), len(results) - sum(results))
