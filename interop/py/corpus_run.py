"""For each file of the corpus: import it into the empty calendar `corpus`, read back what is there, compare, empty the
calendar again; then, where the file is one object, PUT it as it is. The reader here knows nothing but lines: it unfolds,
follows BEGIN and END, and groups by UID, so that it cannot share a mistake with the server.

Last line on stdout: GOOD_FILES BAD_FILES."""

import collections
import os
import pathlib
import re
import subprocess
import sys

from dav import client_of

CALENDAR, SINGLE = "/dav/calendars/user1/corpus/", "/dav/calendars/user1/corpus/single.ics"
KINDS = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY")
line = client_of("user1")
tally = collections.Counter()
reasons = collections.Counter()


def lines_of(raw):
    return re.split(rb"\r\n|\n|\r", raw)


def components(raw):
    """(kind, UID or None, its lines) for each top component of a calendar that is an object."""
    depth, start, kind = 0, 0, ""
    lines = lines_of(raw)
    for number, text in enumerate(lines):
        word = text.strip().upper()
        if word.startswith(b"BEGIN:"):
            depth += 1
            if depth == 2:
                start, kind = number, word[6:].decode("latin-1").strip()
        elif word.startswith(b"END:"):
            if depth == 2 and kind in KINDS:
                own = lines[start : number + 1]
                yield kind, uid_of(own), own
            depth = max(0, depth - 1)


def uid_of(own):
    unfolded = re.sub(rb"\n[ \t]", b"", b"\n".join(own))
    found = re.search(rb"(?im)^UID(?:;[^:\n]*)?:(.*)$", unfolded)
    return found[1].strip() if found else None


def plain(own):
    return b"\n".join(text.rstrip(b"\r") for text in own)


def imported(path):
    """(accepted, refused, the refusal lines) as `kalends import` reports them."""
    done = subprocess.run(
        [os.environ["KALENDS"], "import", "user1", "corpus", str(path), "--data", os.environ["data"]],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    found = re.findall(r"(\d+) imported, (\d+) refused", said)
    assert found, f"no report, exit {done.returncode}: {said[-400:]!r}"
    assert "panicked" not in said, said[-400:]
    refusals = [text for text in said.splitlines() if path.name in text and re.search(r":\d+: .*\S", text)]
    return int(found[-1][0]), int(found[-1][1]), refusals


def check_import(path, raw):
    accepted, refused, refusals = imported(path)
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
    check_texts(raw, accepted)


def check_texts(raw, accepted):
    source = collections.Counter(plain(own) for _, _, own in components(raw))
    listed = line.etags(CALENDAR)
    assert len(listed) == accepted, f"{accepted} accepted, {len(listed)} listed"
    for name, etag in listed.items():
        answer = line.ask("GET", CALENDAR + name)
        assert answer.status == 200 and answer.headers["ETag"] == etag, f"{name}: {answer.status}"
        for _, _, own in components(answer.body):
            assert source[plain(own)] > 0, f"{name}: lines that the file does not have: {plain(own)[:300]!r}"
            source[plain(own)] -= 1
            tally["components"] += 1


def empty():
    for name in line.names(CALENDAR):
        answer = line.ask("DELETE", CALENDAR + name)
        assert answer.status in (200, 204), f"DELETE {name}: {answer.status}"


def check_put(raw):
    if len({uid for _, uid, _ in components(raw)}) != 1:
        return
    answer = line.put(SINGLE, raw)
    tally[f"PUT {answer.status}"] += 1
    if answer.status == 201:
        back = line.ask("GET", SINGLE)
        assert back.status == 200 and back.body == raw, f"PUT 201, GET {back.status}, not the bytes sent"
        assert back.headers["ETag"] == answer.headers["ETag"]
    else:
        assert 400 <= answer.status < 500 or answer.status == 507, f"PUT {answer.status} {answer.body[:200]!r}"
        assert b"error" in answer.body or answer.status in (413, 415), f"PUT {answer.status} without a reason"


good = bad = 0
for path in sorted(pathlib.Path(os.environ["FILES"]).iterdir()):
    raw, wrong = path.read_bytes(), []
    for step in (lambda: check_import(path, raw), empty, lambda: check_put(raw), empty):
        try:
            step()
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
    good, bad = good + (not wrong), bad + bool(wrong)
    if wrong:
        print(f"  RED {path.name}: {' | '.join(wrong)[:600]}", file=sys.stderr)
print("  " + ", ".join(f"{name} {tally[name]}" for name in sorted(tally)), file=sys.stderr)
for reason, times in reasons.most_common(25):
    print(f"  refused {times:4} times: {reason}", file=sys.stderr)
print(good, bad)
