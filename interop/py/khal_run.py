"""The week of 2026-03-23 to 2026-03-29 in Berlin (clocks go forward on Sunday the 29th) as khal shows it: the server
gets the events by PUT, vdirsyncer carries them, khal prints. Lines are compared whole, so a shifted hour is seen."""

import os
import pathlib
import subprocess

from checks import Checks
from dav import client_of, event

BIN, FOLDER = pathlib.Path(os.environ["BIN"]), pathlib.Path(os.environ["FOLDER"])
checks = Checks()

ZONE = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19810329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""
SERIES = f"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Kalends//interop//EN
{ZONE}BEGIN:VEVENT
UID:series@interop
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260302T090000
DTEND;TZID=Europe/Berlin:20260302T093000
RRULE:FREQ=DAILY
EXDATE;TZID=Europe/Berlin:20260325T090000
SUMMARY:Round
END:VEVENT
BEGIN:VEVENT
UID:series@interop
DTSTAMP:20260101T000000Z
RECURRENCE-ID;TZID=Europe/Berlin:20260326T090000
DTSTART;TZID=Europe/Berlin:20260326T160000
DTEND;TZID=Europe/Berlin:20260326T163000
SUMMARY:Round (late)
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")
ALL_DAY = event("day@interop", "Congress").replace("DTSTART:20260105T090000Z", "DTSTART;VALUE=DATE:20260327").replace(
    "DURATION:PT30M", "DTEND;VALUE=DATE:20260328"
)
WEEK = """Mon 23.03.
09:00-09:30 Round
Tue 24.03.
09:00-09:30 Round
11:00-11:30 Utc visit
Thu 26.03.
16:00-16:30 Round (late)
Fri 27.03.
 Congress
09:00-09:30 Round
Sat 28.03.
09:00-09:30 Round
Sun 29.03.
09:00-09:30 Round"""


def write_config():
    (FOLDER / "items").mkdir(parents=True)
    (FOLDER / "vdirsyncer.conf").write_text(
        f"""[general]
status_path = "{FOLDER}/status/"
[pair visits]
a = "here"
b = "there"
collections = ["from b"]
conflict_resolution = "b wins"
[storage here]
type = "filesystem"
path = "{FOLDER}/items"
fileext = ".ics"
[storage there]
type = "caldav"
url = "{os.environ['url']}/"
username = "user1"
password = "interop-user1-passphrase"
"""
    )
    (FOLDER / "khal.conf").write_text(
        f"""[calendars]
[[default]]
path = {FOLDER}/items/default
[locale]
timeformat = %H:%M
dateformat = %d.%m.
longdateformat = %d.%m.%Y
datetimeformat = %d.%m. %H:%M
longdatetimeformat = %d.%m.%Y %H:%M
local_timezone = Europe/Berlin
default_timezone = Europe/Berlin
[sqlite]
path = {FOLDER}/khal.db
"""
    )


def run(program, *words):
    config = FOLDER / f"{program}.conf"
    done = subprocess.run([BIN / program, "-c", config, *words], input="y\n" * 9, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, f"{program} {words} ended with {done.returncode}: {done.stderr[-1500:]}"
    return done.stdout


def shown():
    said = run(
        "khal", "list", "--format", "{start-time}-{end-time} {title}", "--day-format", "{date}", "23.03.2026", "29.03.2026"
    )
    names = dict(zip(("23.03.", "24.03.", "25.03.", "26.03.", "27.03.", "28.03.", "29.03."), "Mon Tue Wed Thu Fri Sat Sun".split()))
    lines = []
    for line in said.splitlines():
        line = line.rstrip()
        lines.append(f"{names[line]} {line}" if line in names else line.replace("- Congress", " Congress"))
    return "\n".join(lines)


write_config()
server = client_of("user1")
home = "/dav/calendars/user1/default/"
with checks("three objects are stored"):
    for name, text in (
        ("series", SERIES), ("utc", event("utc@interop", "Utc visit", "20260324T100000Z")), ("day", ALL_DAY),
    ):
        answer = server.put(f"{home}{name}.ics", text, If_None_Match="*")
        assert answer.status == 201, f"{name}: {answer.status} {answer.body[:300]!r}"
with checks("vdirsyncer carries them"):
    run("vdirsyncer", "discover")
    run("vdirsyncer", "sync")
    assert len(list((FOLDER / "items" / "default").glob("*.ics"))) == 3
with checks("khal shows the week"):
    assert shown() == WEEK, f"\n{shown()}\n--- expected\n{WEEK}"
with checks("an event made in khal reaches the server"):
    run("khal", "new", "-a", "default", "24.03.2026", "14:00", "14:45", "Made in khal")
    run("vdirsyncer", "sync")
    names = server.names(home)
    assert len(names) == 4
    fresh = (names - {"series.ics", "utc.ics", "day.ics"}).pop()
    text = server.ask("GET", home + fresh).body.decode()
    assert "SUMMARY:Made in khal" in text and "T140000" in text, text
with checks("an event deleted on the server leaves khal"):
    assert server.ask("DELETE", home + "utc.ics").status in (200, 204)
    run("vdirsyncer", "sync")
    assert "Utc visit" not in shown() and "14:00-14:45 Made in khal" in shown(), shown()
checks.end()
