"""Refused logins timed one after the other: half of them for names that exist, half for names that nobody has, in random
order, each with a password of its own (one that was refused before is answered from memory). Prints, then
`PASSED FAILED`."""

import math
import os
import random
import secrets
import statistics
import sys
import time

from dav import Client

TRIES, NAMES = int(os.environ["TRIES"]), ["ada", "bob", "cleo"]
MEDIAN_MS, P = 1.0, 0.01


def refused(name):
    client = Client(os.environ["url"], name, secrets.token_urlsafe(12))
    client.line.connect()
    began = time.perf_counter()
    answer = client.ask("PROPFIND", "/dav/", Depth="0")
    took = (time.perf_counter() - began) * 1000
    client.line.close()
    assert answer.status == 401, f"{answer.status} {answer.body[:200]!r}"
    return took


def mann_whitney(one, two):
    """Two-sided p of the rank sum by its normal approximation: right for thousands of times without ties."""
    ranked = sorted([(took, 0) for took in one] + [(took, 1) for took in two])
    ranks = sum(rank for rank, (_, group) in enumerate(ranked, 1) if group == 0)
    n, m = len(one), len(two)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


order = [True] * TRIES + [False] * TRIES
random.shuffle(order)
times = {True: [], False: []}
for known in order:
    times[known].append(refused(random.choice(NAMES) if known else f"x{secrets.token_hex(1)}"[:4]))
apart = abs(statistics.median(times[True]) - statistics.median(times[False]))
p = mann_whitney(times[True], times[False])
print(
    f"  known {statistics.median(times[True]):.3f} ms, unknown {statistics.median(times[False]):.3f} ms: "
    f"medians {apart:.3f} ms apart (at most {MEDIAN_MS}), p = {p:.3f} (above {P})",
    file=sys.stderr,
)
results = [apart <= MEDIAN_MS, p > P]
print(sum(results), len(results) - sum(results))
