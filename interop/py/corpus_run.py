"""For each file of the corpus: import it into an empty calendar, read back what is there, compare, empty the calendar
again; then, where the file is one object, PUT it as it is. What an import writes counts in the running server within a
second, so twenty files go into twenty calendars before anything is asked. The reader here knows nothing but lines: it unfolds,
follows BEGIN and END, and groups by UID, so that it cannot share a mistake with the server.

Last line on stdout: GOOD_FILES BAD_FILES."""

import collections
import os
import pathlib
import re
import subprocess
import sys
import time

from dav import client_of

HOME, BATCH, SOON = "/dav/calendars/user1/", 20, 1.0
KINDS = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY")
line = client_of("user1")
tally = collections.Counter()
reasons = collections.Counter()


def lines_of(raw):
    return re.split(rb"\r\n|\n|\r", raw)


def components(raw):
    """(kind, UID or None, its lines) for each component that is an object: right below a VCALENDAR, or bare."""
    depth, start, kind = 0, 0, ""
    lines = lines_of(raw)
    for number, text in enumerate(lines):
        word = text.strip().upper()
        if word.startswith(b"BEGIN:"):
            bare = depth == 0 and word[6:].decode("latin-1").strip() in KINDS
            depth += 2 if bare else 1
            if depth == 2:
                start, kind = number, word[6:].decode("latin-1").strip()
        elif word.startswith(b"END:"):
            if depth == 2 and kind in KINDS:
                own = lines[start : number + 1]
                yield kind, uid_of(own), own
            depth = max(0, depth - 1)
            if depth == 1 and word[4:].decode("latin-1").strip() == "VCALENDAR":
                depth = 0


def uid_of(own):
    unfolded = re.sub(rb"\n[ \t]", b"", b"\n".join(own))
    found = re.search(rb"(?im)^UID(?:;[^:\n]*)?:(.*)$", unfolded)
    return found[1].strip() if found else None


def plain(own):
    return b"\n".join(text.rstrip(b"\r") for text in own)


def imported(path, slug):
    """(accepted, refused, the refusal lines) as `kalends import` reports them."""
    done = subprocess.run(
        [os.environ["KALENDS"], "import", "user1", slug, str(path), "--data", os.environ["data"]],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    found = re.findall(r"(\d+) imported, (\d+) refused", said)
    assert found, f"no report, exit {done.returncode}: {said[-400:]!r}"
    assert "panicked" not in said, said[-400:]
    refusals = [text for text in said.splitlines() if path.name in text and re.search(r":\d+: .*\S", text)]
    return int(found[-1][0]), int(found[-1][1]), refusals


def check_import(path, slug, raw):
    """How many objects must be listed."""
    accepted, refused, refusals = imported(path, slug)
    tally["accepted"] += accepted
    tally["refused"] += refused
    assert refused == len(refusals), f"{refused} refused, {len(refusals)} lines with a reason"
    for refusal in refusals:
        reasons[re.sub(r"\d+|'[^']*'|\"[^\"]*\"", "_", refusal.split(": ", 2)[-1])[:90]] += 1
    there = list(components(raw))
    wanted = len({uid for _, uid, _ in there if uid is not None}) + sum(uid is None for _, uid, _ in there)
    assert accepted + refused >= (1 if wanted else 0), f"{wanted} objects in it, nothing accepted and nothing refused"
    assert accepted <= wanted, f"{accepted} accepted of {wanted}"
    if not refused:
        assert accepted == wanted, f"{accepted} accepted, 0 refused, but {wanted} objects are in it"
    return accepted


def listed_soon(calendar, accepted):
    end = time.monotonic() + SOON
    while len(found := line.etags(calendar)) != accepted and time.monotonic() < end:
        time.sleep(0.02)
    assert len(found) == accepted, f"{accepted} accepted, {len(found)} listed after {SOON} s"
    return found


def check_texts(calendar, raw, accepted):
    source = collections.Counter(plain(own) for _, _, own in components(raw))
    for name, etag in listed_soon(calendar, accepted).items():
        answer = line.ask("GET", calendar + name)
        assert answer.status == 200 and answer.headers["ETag"] == etag, f"{name}: {answer.status}"
        for _, uid, own in components(answer.body):
            if not source[plain(own)]:  # an import gives a UID to what had none, and changes nothing else
                own = [text for text in own if text.rstrip() != b"UID:" + (uid or b"")]
            assert source[plain(own)] > 0, f"{name}: lines that the file does not have: {plain(own)[:300]!r}"
            source[plain(own)] -= 1
            tally["components"] += 1


def empty(calendar):
    for name in line.names(calendar):
        answer = line.ask("DELETE", calendar + name)
        assert answer.status in (200, 204), f"DELETE {name}: {answer.status}"


def check_put(calendar, raw):
    if len({uid for _, uid, _ in components(raw)}) != 1:
        return
    answer = line.put(calendar + "single.ics", raw)
    tally[f"PUT {answer.status}"] += 1
    if answer.status == 201:
        back = line.ask("GET", calendar + "single.ics")
        assert back.status == 200 and back.body == raw, f"PUT 201, GET {back.status}, not the bytes sent"
        assert back.headers["ETag"] == answer.headers["ETag"]
    else:
        reasons["PUT: " + re.sub(r"<[^>]*>|\d+", " ", answer.body.decode(errors="replace"))[-90:].strip()] += 1
        assert 400 <= answer.status < 500 or answer.status == 507, f"PUT {answer.status} {answer.body[:200]!r}"
        assert b"error" in answer.body or answer.status in (413, 415), f"PUT {answer.status} without a reason"


def tried(wrong, step, *words):
    try:
        return step(*words)
    except Exception as error:
        wrong.append(f"{type(error).__name__}: {error}")


def batch(paths):
    """The number of files with something wrong."""
    held = []
    for number, path in enumerate(paths):
        raw, wrong = path.read_bytes(), []
        held.append((path, raw, wrong, tried(wrong, check_import, path, f"corpus{number}", raw)))
    for number, (path, raw, wrong, accepted) in enumerate(held):
        calendar = f"{HOME}corpus{number}/"
        if accepted is not None:
            tried(wrong, check_texts, calendar, raw, accepted)
        tried(wrong, empty, calendar)
        tried(wrong, check_put, calendar, raw)
        tried(wrong, empty, calendar)
        if wrong:
            print(f"  RED {path.name}: {' | '.join(wrong)[:600]}", file=sys.stderr)
    return sum(bool(wrong) for _, _, wrong, _ in held)


for number in range(BATCH):
    answer = line.ask("MKCALENDAR", f"{HOME}corpus{number}/")
    assert answer.status == 201, f"MKCALENDAR: {answer.status} {answer.body[:200]!r}"
files = sorted(pathlib.Path(os.environ["FILES"]).iterdir())
bad = sum(batch(files[start : start + BATCH]) for start in range(0, len(files), BATCH))
good = len(files) - bad
print("  " + ", ".join(f"{name} {tally[name]}" for name in sorted(tally)), file=sys.stderr)
for reason, times in reasons.most_common(25):
    print(f"  refused {times:4} times: {reason}", file=sys.stderr)
print(good, bad)
