"""Searches and bookings one after the other while the server's day passes; printed: how long they
take before it and then.

    bench_midnight.py     url, STRICT in the environment; prints `PASSED FAILED`
"""

import email.utils
import json
import os
import sys
import time

from dav import client_of

line = client_of("admin", timeout=600)
SEARCH = "/api/v1/slots?service=visit&specialty=s0"
results = []


def check(name, right):
    results.append(bool(right))
    if not right:
        print(f"WRONG  {name}", file=sys.stderr)


def timed(*asked, **more):
    began = time.perf_counter()
    answer = line.ask(*asked, **more)
    return answer, (time.perf_counter() - began) * 1000


def day_of(answer):
    return email.utils.parsedate_to_datetime(answer.headers["date"]).date()


answer, took = timed("GET", SEARCH)
print(f"  the first search after the start: {took / 1000:.1f} s", file=sys.stderr)
first_day, passed_at, offered, wrong, twice = day_of(answer), None, set(), 0, 0
spent = {"before": [], "as the day passes": []}
began = time.perf_counter()
# A server that took longer to start than the clock gives it would have passed the day already: that is told below.
while time.perf_counter() - began < 90 and not (passed_at and time.perf_counter() - passed_at > 15):
    answer, search = timed("GET", SEARCH)
    if passed_at is None and day_of(answer) != first_day:
        passed_at = time.perf_counter()
    slot = json.loads(answer.body)["items"][0]
    twice += (slot["practitioner"], slot["start"]) in offered
    offered.add((slot["practitioner"], slot["start"]))
    made, booking = timed("POST", "/api/v1/appointments", json.dumps({"token": slot["token"]}), Content_Type="application/json")
    wrong += made.status != 201
    spent["as the day passes" if passed_at else "before"] += [search, booking]
    time.sleep(0.03)
check("the day passes while it is looked at", passed_at and spent["before"])
check(f"every slot is booked, not {wrong}", wrong == 0)
check(f"nothing is offered twice, not {twice}", twice == 0)
for name, all_ in spent.items():
    all_.sort()
    if all_:
        print(f"  {name}: {len(all_)} searches and bookings, p50 {all_[len(all_) // 2]:.1f}, p99 "
              f"{all_[int(len(all_) * 0.99)]:.1f}, longest {all_[-1]:.0f} ms", file=sys.stderr)
longest = max(spent["as the day passes"], default=0)
results.append(longest <= 300 or os.environ["STRICT"] != "1")
print(f"  {'      ' if longest <= 300 else 'MISSED'} the longest as the day passes: {longest:.0f} ms (aim at most 300)", file=sys.stderr)
print(sum(results), len(results) - sum(results))
