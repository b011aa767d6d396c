"""Two folders ("phones") that vdirsyncer keeps equal to one account, as two people with two devices would. What each
side holds is compared by the text of its events; the server's own view is asked with a plain PROPFIND."""

import os
import pathlib
import subprocess

from checks import Checks
from dav import Client

SERVER, USER, PASSWORD = os.environ["SERVER"], os.environ["USER_NAME"], os.environ["PASSWORD"]
FOLDER = pathlib.Path(os.environ["FOLDER"])
EVENTS = 200
checks = Checks()


class Phone:
    def __init__(self, name, wins):
        self.root = FOLDER / name
        self.items = self.root / "items"
        self.items.mkdir(parents=True)
        self.config = self.root / "config"
        self.config.write_text(
            f"""[general]
status_path = "{self.root}/status/"

[pair visits]
a = "here"
b = "there"
collections = ["from b"]
metadata = ["displayname", "color"]
conflict_resolution = "{wins} wins"

[storage here]
type = "filesystem"
path = "{self.items}"
fileext = ".ics"

[storage there]
type = "caldav"
url = "{SERVER}/"
username = "{USER}"
password = "{PASSWORD}"
"""
        )

    def run(self, *words):
        done = subprocess.run(
            [os.environ["VDIRSYNCER"], "-c", str(self.config), *words], input="y\n" * 20, text=True, timeout=300,
            capture_output=True,
        )
        assert done.returncode == 0, f"vdirsyncer {words} ended with {done.returncode}: {done.stderr[-1500:]}"
        return done.stderr

    def sync(self):
        return self.run("sync")

    def files(self):
        return {self.uid(path): path for path in (self.items / "default").glob("*.ics")}

    def uid(self, path):
        return next(line[4:] for line in path.read_text().splitlines() if line.startswith("UID:"))

    def texts(self):
        return {uid: path.read_text() for uid, path in self.files().items()}


def event(n, summary):
    repeats = ["RRULE:FREQ=WEEKLY;COUNT=8"] if n % 10 == 0 else []
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Kalends//interop//EN", "BEGIN:VEVENT", f"UID:visit-{n}@interop",
        "DTSTAMP:20260101T000000Z", f"DTSTART:2026{n % 12 + 1:02}{n % 28 + 1:02}T{n % 24:02}0000Z", "DURATION:PT30M",
        f"SUMMARY:{summary}", *repeats, "END:VEVENT", "END:VCALENDAR", "",
    ]
    return "\r\n".join(lines)


def change(path, old, new):
    text = path.read_text()
    assert old in text, f"{old!r} not in {text!r}"
    path.write_text(text.replace(old, new))


def summaries(phone):
    return {uid: next(line for line in text.splitlines() if line.startswith("SUMMARY")) for uid, text in phone.texts().items()}


def first_contact(one, two):
    with checks("discover finds the account's calendars"):
        said = one.run("discover")
        assert (one.items / "default").is_dir() and (one.items / "tasks").is_dir(), said
    with checks("200 events go out"):
        for n in range(EVENTS):
            (one.items / "default" / f"visit-{n}.ics").write_text(event(n, f"Visit {n} «ärztlich»"))
        one.sync()
        assert len(one.files()) == EVENTS
    with checks("the server lists 200 objects"):
        assert len(Client(SERVER, USER, PASSWORD).names(f"/dav/calendars/{USER}/default/")) == EVENTS
    with checks("a second device gets the same 200"):
        two.run("discover")
        two.sync()
        assert two.texts() == one.texts()
    with checks("a quiet sync changes nothing"):
        before = one.texts()
        said = one.sync()
        assert "Copying" not in said and "Deleting" not in said, said
        assert one.texts() == before


def edits(one, two):
    with checks("edits on both devices meet"):
        for n in range(0, 20):
            change(one.files()[f"visit-{n}@interop"], f"Visit {n} ", f"Moved by one {n} ")
        for n in range(20, 40):
            change(two.files()[f"visit-{n}@interop"], f"Visit {n} ", f"Moved by two {n} ")
        one.sync(), two.sync(), one.sync()
        assert one.texts() == two.texts()
        said = summaries(one)
        assert said["visit-3@interop"].startswith("SUMMARY:Moved by one 3")
        assert said["visit-23@interop"].startswith("SUMMARY:Moved by two 23")
    with checks("new events on both devices meet"):
        for n in range(EVENTS, EVENTS + 10):
            side = one if n % 2 else two
            (side.items / "default" / f"visit-{n}.ics").write_text(event(n, f"Later {n}"))
        one.sync(), two.sync(), one.sync()
        assert len(one.files()) == EVENTS + 10 and one.texts() == two.texts()


def deletes(one, two):
    with checks("deletes on both devices meet"):
        for n in range(40, 50):
            one.files()[f"visit-{n}@interop"].unlink()
        for n in range(50, 60):
            two.files()[f"visit-{n}@interop"].unlink()
        one.sync(), two.sync(), one.sync()
        assert len(one.files()) == EVENTS - 10 and one.texts() == two.texts()
    with checks("the server has them no more"):
        assert len(Client(SERVER, USER, PASSWORD).names(f"/dav/calendars/{USER}/default/")) == EVENTS - 10
    with checks("an event deleted comes back under its UID"):
        (one.items / "default" / "again.ics").write_text(event(45, "Visit again"))
        one.sync(), two.sync()
        assert summaries(two)["visit-45@interop"] == "SUMMARY:Visit again"


def conflicts(one, two):
    with checks("a conflict where the device wins"):
        change(one.files()["visit-100@interop"], "Visit 100", "Said by one")
        change(two.files()["visit-100@interop"], "Visit 100", "Said by two")
        two.sync(), one.sync(), two.sync()
        assert summaries(one)["visit-100@interop"].startswith("SUMMARY:Said by one")
        assert one.texts() == two.texts()
    with checks("a conflict where the server wins"):
        change(one.files()["visit-101@interop"], "Visit 101", "Said by one")
        change(two.files()["visit-101@interop"], "Visit 101", "Said by two")
        one.sync(), two.sync(), one.sync()
        assert summaries(two)["visit-101@interop"].startswith("SUMMARY:Said by one")
        assert one.texts() == two.texts()
    with checks("deleted here, changed there: the change stays"):
        one.files()["visit-102@interop"].unlink()
        change(two.files()["visit-102@interop"], "Visit 102", "Still wanted")
        two.sync(), one.sync(), two.sync()
        assert one.texts() == two.texts()


def names(one, two):
    with checks("a colour set on one device reaches the other"):
        (one.items / "default" / "color").write_text("#3366cc")
        one.run("metasync"), two.run("metasync")
        assert (two.items / "default" / "color").read_text().strip().lower() == "#3366cc"
    with checks("a display name set on one device reaches the other"):
        (one.items / "default" / "displayname").write_text("Sprechstunde & mehr")
        one.run("metasync"), two.run("metasync")
        assert (two.items / "default" / "displayname").read_text().strip() == "Sprechstunde & mehr"


one, two = Phone("one", "a"), Phone("two", "b")
for part in (first_contact, edits, deletes, conflicts, names):
    part(one, two)
checks.end()
