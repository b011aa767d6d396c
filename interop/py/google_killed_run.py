"""Random changes here (CalDAV) and at the fake Google, the server killed at a random moment of each round; then faults end,
the server starts once more, and both sides are compared. Last line on stdout: CHECKS_PASSED CHECKS_FAILED."""

import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from dav import Client, Server, event
from fake_google import FAKE, control

ROUNDS, SEED = int(os.environ["ROUNDS"]), int(os.environ["SEED"])
HER, HOME = "ada@example.org", "/dav/calendars/ada/default/"
dice = random.Random(SEED)
server = Server()
URL = server.url


def kalends(*words, wait=True):
    command = [os.environ["KALENDS"], *words, "--data", os.environ["data"]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return process.communicate(timeout=120)[0].strip() if wait else process


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def connect():
    process = kalends("google", "connect", "ada", "--yes", "--events", wait=False)
    page = process.stdout.readline().strip()
    try:
        urllib.request.build_opener(Stay).open(page, timeout=10)
    except urllib.error.HTTPError as answer:
        back = answer.headers["location"]
    urllib.request.urlopen(back, timeout=10).read()
    account = process.communicate(timeout=60)[0].split()[0]
    return account, kalends("google", "link", "ada", account, HER, "default", "--privacy", "full")


def client():
    return Client(URL, "ada", os.environ["PASSWORD"], timeout=20)


def stand():
    return json.loads(kalends("google", "status", "ada"))[0]["links"][0]


def here():
    line, found = client(), {}
    for name in line.names(HOME):
        answer = line.ask("GET", HOME + name)
        if answer.status == 200:
            text = answer.body.decode().replace("\r\n ", "")
            rows = dict(row.split(":", 1) for row in text.split("BEGIN:VEVENT")[1].splitlines() if ":" in row)
            found[name] = rows.get("SUMMARY", "")
    return found


def there():
    return [one for one in control(do="events", calendar=HER) if one.get("status") != "cancelled"]


def change(number, mine):
    """One change on either side. `mine`: names put here and acknowledged, with their titles."""
    line, kind = client(), dice.randrange(7)
    day, title = dice.randrange(1, 28), f"change {number}"
    start = f"202605{day:02}T{dice.randrange(6, 20):02}0000Z"
    if kind in (0, 1):
        if line.put(f"{HOME}n{number}.ics", event(f"u{number}", title, start)).status == 201:
            mine[f"n{number}.ics"] = title
    elif kind == 2 and mine:
        name = dice.choice(sorted(mine))
        if line.put(HOME + name, event("u" + name[1:-4], title, start)).status in (201, 204):
            mine[name] = title
    elif kind == 3 and mine:
        name = dice.choice(sorted(mine))
        mine.pop(name)  # first: whether a delete that is not answered was done, nobody knows
        line.ask("DELETE", HOME + name)
    elif kind == 4:
        at = {"dateTime": f"2026-05-{day:02}T10:00:00Z", "timeZone": "UTC"}
        control(do="event", calendar=HER, event={"id": f"event{number:05}", "summary": title, "start": at, "end": at})
    else:
        born = [one["id"] for one in there() if one["id"].startswith("event")]
        if born and kind == 5:
            control(do="event", calendar=HER, event={"id": dice.choice(born), "summary": title})
        elif born:
            control(do="cancel", calendar=HER, id=dice.choice(born))


def faults():
    for method, trouble, chance in [
        ("calendar.events.", "lostAnswer", 40),
        ("calendar.events.", "cut", 30),
    ]:
        control(do="fault", fault={"method": method, "trouble": trouble, "perMille": chance})
    control(do="post", post={"lost": 50, "forged": 50, "copies": 2, "shuffles": True})


def writes():
    reads = ("list", "get", "instances", "query", "watch", "stop")
    calls = [one["methodId"] for one in control(do="record")]
    return sum(name.startswith("calendar.") and name.rsplit(".", 1)[1] not in reads for name in calls)


def changed_by(number, mine):
    for step in range(8):
        try:
            change(number * 10 + step, mine)
        except OSError:
            return  # the kill
        except Exception:
            return
        time.sleep(dice.random() / 10)


server.start()
control(do="seed", seed=SEED)
control(do="account", email=HER, zone="Europe/Berlin")
account, link = connect()
faults()
mine = {}
for number in range(ROUNDS):
    work = threading.Thread(target=changed_by, args=(number, mine), daemon=True)
    work.start()
    time.sleep(dice.uniform(0.1, 2.5))
    server.kill()
    work.join(30)
    if dice.randrange(5) == 0:
        control(do="invalidateTokens", calendar=HER)
    server.start()

control(do="clearFaults")
control(do="post", post={})
equal = False
for turn in range(60):
    kalends("google", "resync" if turn == 20 else "sync", "ada", link)
    time.sleep(2)
    ours, theirs = sorted(here().values()), sorted(one.get("summary", "") for one in there())
    state = stand()
    if ours == theirs and state["pending"] == 0 and state["failed"] == 0:
        equal = True
        break
before = writes()
for _ in range(5):
    kalends("google", "resync", "ada", link)
    time.sleep(2)
quiet = writes() == before
print(f"{len(ours)} here, {len(theirs)} there, {before} writes, state {state}", file=sys.stderr)
if not equal:
    print(f"only here {set(ours) - set(theirs)}, only there {set(theirs) - set(ours)}", file=sys.stderr)
ids = [one.get("iCalUID") for one in there()]
lost = set(mine) - set(here())
checks = [equal, quiet, len(set(ids)) == len(ids), state["dead"] == 0, not lost]
print(f"equal, quiet, single, no dead, none of {len(mine)} acknowledged lost: {checks}", file=sys.stderr)
server.stop()
print(sum(checks), len(checks) - sum(checks))
