"""Reads the driver's throughput with 16 clients and measures the server's processor time for a PUT of a new object into
the calendars `few` and `many`, in turns so that both see the same machine. Prints, then `PASSED FAILED`."""

import json
import os
import sys

from dav import client_of, event

STRICT, OBJECTS = os.environ["STRICT"] == "1", int(os.environ["OBJECTS"])
PUTS_A_SECOND, RATIO, WRITES = 1000, 1.5, 3000
found = json.load(open(os.environ["data"] + "/puts.json"))["workloads"][0]
line = client_of("bench")


def cpu_ms():
    with open(f"/proc/{os.environ['server']}/stat") as said:
        fields = said.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def puts(calendar, first, count):
    before = cpu_ms()
    for n in range(first, first + count):
        answer = line.put(f"/dav/calendars/bench/{calendar}/new-{n}.ics", event(f"{calendar}-{n}@interop", f"New {n}"))
        assert answer.status == 201, f"PUT: {answer.status} {answer.body[:200]!r}"
    return cpu_ms() - before


for calendar, expected in (("few", 10), ("many", OBJECTS)):
    listed = len(line.names(f"/dav/calendars/bench/{calendar}/"))
    assert listed == expected, f"{calendar} holds {listed} objects, not {expected}"
spent = {"few": 0.0, "many": 0.0}
for turn in range(6):
    for calendar in spent:
        # `few` would not stay small: what was put is deleted outside the measured span.
        spent[calendar] += puts(calendar, turn * WRITES // 6, WRITES // 6)
        for n in range(turn * WRITES // 6, (turn + 1) * WRITES // 6):
            line.ask("DELETE", f"/dav/calendars/bench/{calendar}/new-{n}.ics")
few, many = spent["few"] / WRITES, spent["many"] / WRITES
rate, right = found["req_per_s"][1], not found["errors"] + found["wrong"]
aims = [rate >= PUTS_A_SECOND, many <= few * RATIO + 0.02]
print(f"  16 clients: {rate:.0f} PUT/s (aim {PUTS_A_SECOND}), p99 {found['p99_ms'][1]:.1f} ms", file=sys.stderr)
print(f"  one PUT, server processor time: {few:.3f} ms at 10 objects, {many:.3f} ms at {OBJECTS}", file=sys.stderr)
results = [right] + [met or not STRICT for met in aims]
print(sum(results), len(results) - sum(results))
