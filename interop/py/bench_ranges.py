"""The parts of interop/bench/ranges: a calendar of N objects spread evenly over 2026, and the figures."""

import datetime
import os
import sys

from dav import client_of, event

C = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
YEAR, REQUESTS, RATIO, OPEN_MS = datetime.datetime(2026, 1, 1), 400, 3.0, 10.0
TICK = os.sysconf("SC_CLK_TCK")


def events(count):
    """Every tenth is the fiftieth anniversary of a yearly series: one occurrence a year, so results count alike."""
    out = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Kalends//interop//EN"]
    for n in range(count):
        start = YEAR + datetime.timedelta(seconds=n * 365 * 86400 // count)
        more = []
        if n % 10 == 0 and (start.month, start.day) != (2, 29):
            start, more = start.replace(year=1976), ["RRULE:FREQ=YEARLY"]
        text = event(f"{n}@ranges", f"Visit {n}", start.strftime("%Y%m%dT%H%M%SZ"), more)
        out += text.split("\r\n")[3:-2]
    sys.stdout.write("\r\n".join([*out, "END:VCALENDAR", ""]))


def processor(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK * 1000


def stamp(days):
    return (YEAR + datetime.timedelta(days=days)).strftime("%Y%m%dT%H%M%SZ")


def query(client, calendar, start, end=None):
    until = f' end="{end}"' if end else ""
    body = (
        f"<C:calendar-query {C}><prop><getetag/></prop><C:filter><C:comp-filter name=\"VCALENDAR\"><C:comp-filter "
        f'name="VEVENT"><C:time-range start="{start}"{until}/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>'
    )
    answer = client.ask("REPORT", f"/dav/calendars/bench/{calendar}/", body, Depth="1", Content_Type="application/xml")
    assert answer.status == 207, f"{answer.status} {answer.body[:200]!r}"
    return answer.body.count(b"<d:response>")


def cost(client, requests, ask):
    """Milliseconds of the server's processor for one, and the results of all together."""
    ask(0)
    pid, found = int(os.environ["server"]), 0
    began = processor(pid)
    for n in range(requests):
        found += ask(n)
    return (processor(pid) - began) / requests, found


def measure():
    client = client_of("bench")
    # Windows never asked before: each request begins a day further on. A week of the large one, ten of the small one.
    large = cost(client, REQUESTS, lambda n: query(client, "n10000", stamp(n % 280 + n / 1e3), stamp(n % 280 + n / 1e3 + 7)))
    small = cost(client, REQUESTS, lambda n: query(client, "n1000", stamp(n % 280 + n / 1e3), stamp(n % 280 + n / 1e3 + 70)))
    rest = cost(client, 60, lambda n: query(client, "n10000", stamp(90 + n / 1e3)))
    alike = abs(large[1] - small[1]) <= 0.03 * small[1]
    ratio = large[0] / small[0]
    say = lambda text: print(f"  {text}", file=sys.stderr)
    say(f"10,000 objects {large[0]:.3f} ms, 1,000 objects {small[0]:.3f} ms, {small[1] // REQUESTS} results: {ratio:.2f} times (aim {RATIO:.0f})")
    say(f"open range, {rest[1] // 60} of 10,000 results: {rest[0]:.2f} ms (aim {OPEN_MS:.0f})")
    strict = os.environ["STRICT"] == "1"
    results = [alike, ratio < RATIO or not strict, rest[0] <= OPEN_MS or not strict]
    print(sum(results), len(results) - sum(results))


if sys.argv[1] == "events":
    events(int(sys.argv[2]))
else:
    measure()
