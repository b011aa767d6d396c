"""N events as one .ics file on stdout, every tenth a series without end; the same for the same N."""

import sys

from dav import event

out = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Kalends//interop//EN"]
for n in range(int(sys.argv[1])):
    start = f"{2022 + n % 5}{n % 12 + 1:02}{n % 28 + 1:02}T{8 + n % 10:02}{n % 4 * 15:02}00Z"
    more = ["RRULE:FREQ=WEEKLY;INTERVAL=2"] if n % 10 == 0 else []
    out += event(f"stored-{n}@interop", f"Stored {n}", start, more).split("\r\n")[3:-2]
sys.stdout.write("\r\n".join([*out, "END:VCALENDAR", ""]))
