"""R1: rounds of start, write with four workers, kill -9 at a random moment, start again, compare.

For every object the run knows the last acknowledged state and the one state that was under way when the kill came;
what the server has afterwards must be one of the two. Counted: *lost* (an acknowledged write or delete is not there),
*torn* (listed but not readable, or a text nobody sent, or an ETag that is not the one acknowledged), *frozen* (a round
after which one of the touched objects cannot be written and deleted again), *gaps* (an acknowledged change that
sync-collection with the token of the round before does not tell). Last line on stdout: GOOD_ROUNDS BAD_ROUNDS."""

import os
import random
import statistics
import sys
import threading
import time

from dav import Server, client_of, event

ROUNDS, STORED = int(os.environ["ROUNDS"]), int(os.environ["STORED"])
WORKERS, NAMES = 4, 40
HOME = "/dav/calendars/user1/default/"
GONE = None


class Worker(threading.Thread):
    """Writes its own objects one after the other until the line breaks; `acked` outlives the rounds."""

    def __init__(self, number, acked, chance):
        super().__init__(daemon=True)
        self.number, self.acked, self.chance = number, acked, chance
        self.under_way = None
        self.touched, self.written, self.answers, self.refused = set(), set(), 0, []

    def run(self):
        line = client_of("user1", timeout=20)
        try:
            while True:
                self.step(line)
        except Exception:
            return  # the kill

    def step(self, line):
        name = f"w{self.number}-{self.chance.randrange(NAMES)}.ics"
        before = self.acked.get(name, GONE)
        delete = before is not GONE and self.chance.random() < 0.2
        text = GONE if delete else event(f"{name}@crash", f"{self.chance.random()} " + "x" * self.chance.randrange(3000))
        self.touched.add(name)
        self.under_way = (name, text)
        answer = line.ask("DELETE", HOME + name) if delete else line.put(HOME + name, text)
        if answer.status not in (200, 201, 204):
            self.refused.append((name, answer.status, answer.body[:200]))
            return
        self.acked[name] = GONE if delete else text
        self.under_way = None
        self.written.add(name)
        self.answers += 1


def compare(line, acked, workers, found):
    """Counts into `found`; brings `acked` to what the server has where a write was under way."""
    listed = line.etags(HOME)
    under_way = dict(worker.under_way for worker in workers if worker.under_way)
    for name in set(acked) | set(listed) | set(under_way):
        allowed = [acked.get(name, GONE)] + ([under_way[name]] if name in under_way else [])
        answer = line.ask("GET", HOME + name) if name in listed else None
        if answer is not None and (answer.status != 200 or answer.headers["ETag"] != listed[name]):
            found["torn"].append((name, answer.status))
            continue
        text = answer.body.decode() if answer else GONE
        if text in allowed:
            acked[name] = text
        else:
            found["lost" if text is GONE or text in found["old"].get(name, ()) else "torn"].append(name)
        found["old"].setdefault(name, []).append(text)


def still_writable(line, acked, workers, found):
    for worker in workers:
        for name in sorted(worker.touched)[:8]:
            text = event(f"{name}@crash", "after")
            put, gone = line.put(HOME + name, text), line.ask("DELETE", HOME + name)
            if put.status not in (201, 204) or gone.status not in (200, 204):
                found["frozen"].append((name, put.status, gone.status))
            acked.pop(name, None)


def one_round(number, server, acked, token, found):
    """The next sync token and the number of acknowledged writes."""
    workers = [Worker(n, {}, random.Random(f"crash {number} {n}")) for n in range(WORKERS)]
    for worker in workers:
        worker.acked.update({name: text for name, text in acked.items() if name.startswith(f"w{worker.number}-")})
        worker.start()
    time.sleep(random.Random(f"crash {number}").uniform(0.1, 1.5))  # the moment of the kill is the point of the test
    server.kill()
    for worker in workers:
        worker.join()
        acked.update(worker.acked)
        if worker.refused:
            found["torn"].append(("refused while running", worker.refused[:3]))
    found["restart"].append(server.start())
    line = client_of("user1")
    compare(line, acked, workers, found)
    changed, removed, token = line.sync(HOME, token)
    told, there = changed | removed, {name for name, text in acked.items() if text is not GONE}
    silent = {name for worker in workers for name in worker.written if name in there} - told
    if silent:
        found["gaps"].append(sorted(silent)[:5])
    still_writable(line, acked, workers, found)
    return line.sync(HOME, token)[2], sum(worker.answers for worker in workers)


def main():
    server = Server()
    server.start()
    line = client_of("user1")
    if len(line.names("/dav/calendars/user1/stored/")) != STORED:
        raise SystemExit("the stored events were not imported")
    token, acked, written, good = line.sync(HOME)[2], {}, 0, 0
    found = {"lost": [], "torn": [], "frozen": [], "gaps": [], "restart": [], "old": {}}
    for number in range(ROUNDS):
        before = sum(len(found[kind]) for kind in ("lost", "torn", "frozen", "gaps"))
        token, answers = one_round(number, server, acked, token, found)
        written += answers
        good += before == sum(len(found[kind]) for kind in ("lost", "torn", "frozen", "gaps"))
    if len(client_of("user1").names("/dav/calendars/user1/stored/")) != STORED:
        found["lost"].append("of the stored events")
        good -= 1
    server.stop()
    for kind in ("lost", "torn", "frozen", "gaps"):
        if found[kind]:
            print(f"  RED {kind}: {found[kind][:5]}", file=sys.stderr)
    print(
        f"  {ROUNDS} kills, {written} acknowledged writes: {len(found['lost'])} lost, {len(found['torn'])} torn, "
        f"{len(found['frozen'])} frozen, {len(found['gaps'])} gaps in sync; ready again after "
        f"{statistics.median(found['restart']) * 1000:.0f} ms (median), {max(found['restart']) * 1000:.0f} ms (worst)",
        file=sys.stderr,
    )
    print(good, ROUNDS - good)


main()
