"""For each of three questions: start the server, ask it once (cold), then nineteen times more (warm: their median), stop
it; three turns, medians over the turns. The answers must be the same cold and warm. Prints, then `PASSED FAILED`."""

import os
import statistics
import sys
import time

from dav import Server, client_of

STRICT, OBJECTS = os.environ["STRICT"] == "1", int(os.environ["OBJECTS"])
READY_S, RATIO, TURNS, WARM = 0.3, 3.0, 3, 19
C = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
RANGE = '<C:time-range start="20260601T000000Z" end="20260608T000000Z"/>'
QUESTIONS = {
    "calendar-query": f"<C:calendar-query {C}><prop><getetag/><C:calendar-data/></prop><C:filter><C:comp-filter "
    f'name="VCALENDAR"><C:comp-filter name="VEVENT">{RANGE}</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>',
    "sync-collection": f"<sync-collection {C}><sync-token/><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>",
    "free-busy-query": f"<C:free-busy-query {C}>{RANGE}</C:free-busy-query>",
}


def ask(line, body):
    began = time.perf_counter()
    answer = line.ask("REPORT", "/dav/calendars/bench/c3/", body, Depth="1", Content_Type="application/xml")
    took = (time.perf_counter() - began) * 1000
    assert answer.status in (200, 207), f"{answer.status} {answer.body[:200]!r}"
    return took, len(answer.body)


def turn(body, started):
    server = Server()
    started.append(server.start())
    line = client_of("bench")
    line.ask("OPTIONS", "/dav/")
    line.ask("GET", "/dav/calendars/bench/c3/nothing.ics")  # the password is hashed here, not in the measured span
    cold, size = ask(line, body)
    warm = [ask(line, body) for _ in range(WARM)]
    assert {length for _, length in warm} == {size}, "the cold answer and the warm one differ"
    memory = server.memory_mib()
    server.stop()
    return cold, statistics.median(took for took, _ in warm), memory


started, results, memory = [], [], 0
for name, body in QUESTIONS.items():
    turns = [turn(body, started) for _ in range(TURNS)]
    cold, warm = (statistics.median(t[n] for t in turns) for n in (0, 1))
    memory = max(memory, max(t[2] for t in turns))
    met = cold <= RATIO * warm
    results.append(met or not STRICT)
    print(f"  {name:<16} first {cold:8.2f} ms, again {warm:8.2f} ms: {cold / warm:.1f} times (aim {RATIO:.0f})", file=sys.stderr)
ready = statistics.median(started)
results += [ready <= READY_S or not STRICT, True]
print(f"  ready after {ready * 1000:.0f} ms with {OBJECTS} objects (aim {READY_S * 1000:.0f}), the first time after the import {started[0] * 1000:.0f}; {memory:.0f} MiB at most", file=sys.stderr)
print(sum(results), len(results) - sum(results))
