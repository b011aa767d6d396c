"""Made-up rules, answered by dateutil and by ours (examples/occurrences, one question a line). The wall clock is
dateutil's; the instants of it are zoneinfo's: in a gap the offset before it, in an overlap the first (RFC 5545 3.3.5).

usage: dateutil_run.py OCCURRENCES RULES SEED; last line on stdout: SAME UNFORESEEN FORESEEN."""

import collections
import datetime as dt
import random
import signal
import subprocess
import sys
import zoneinfo

from dateutil import rrule

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
SPANS = {"DAILY": 60, "WEEKLY": 300, "MONTHLY": 900, "YEARLY": 3000, "HOURLY": 6, "MINUTELY": 1}
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Taipei", "America/Sao_Paulo"]
PATIENCE = 0.3  # of processor time: it looks for what never comes until the year 9999

# What each class says of a rule (a dict of its parts); written before the rules were tried.
CLASSES = {
    "BYWEEKNO without a day gives all days of the week": lambda p: "BYWEEKNO" in p and not {"BYDAY", "BYMONTHDAY", "BYYEARDAY"} & set(p),
    "BYWEEKNO at the edge of a year": lambda p: any(abs(int(n)) > 51 or int(n) == 1 for n in p.get("BYWEEKNO", "").split(",") if n),
    "BYWEEKNO with INTERVAL: whose year is it": lambda p: "BYWEEKNO" in p and "INTERVAL" in p,
    "BYWEEKNO with BYSETPOS: the year of the calendar is the period": lambda p: "BYWEEKNO" in p and "BYSETPOS" in p,
    "BYSETPOS in the first week counts from the start": lambda p: p["FREQ"] == "WEEKLY" and "BYSETPOS" in p,
    "ordinals beside plain weekdays in one BYDAY": lambda p: len({len(d) > 2 for d in p.get("BYDAY", "x").split(",")}) > 1,
    "ordinals beside BYWEEKNO": lambda p: "BYWEEKNO" in p and any(len(d) > 2 for d in p.get("BYDAY", "").split(",")),
    "COUNT counts a start that the rule does not give": lambda p: "COUNT" in p and not p["start given"],
    "an hourly rule that its BYHOUR never meets is an error": lambda p: p["FREQ"] in ("HOURLY", "MINUTELY") and "INTERVAL" in p,
}


def numbers(dice, most, least, last):
    return ",".join(str(dice.choice([n for n in range(least, last + 1) if n])) for _ in range(dice.randint(1, most)))


def made_up(dice):
    freq = dice.choice(["DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "MONTHLY", "YEARLY", "YEARLY", "YEARLY", "HOURLY", "MINUTELY"])
    parts = {"FREQ": freq}

    def add(chance, key, value):
        if dice.random() < chance:
            parts[key] = value

    add(0.3, "INTERVAL", str(dice.randint(2, 4)))
    add(0.25, "BYMONTH", numbers(dice, 4, 1, 12))
    add(0.25 * (freq != "WEEKLY"), "BYMONTHDAY", numbers(dice, 4, -31, 31))
    add(0.12 * (freq == "YEARLY"), "BYYEARDAY", numbers(dice, 4, -366, 366))
    add(0.12 * (freq == "YEARLY"), "BYWEEKNO", numbers(dice, 3, -53, 53))
    reach = {"MONTHLY": 5, "YEARLY": 53 if "BYMONTH" not in parts else 5}.get(freq)
    ordinal = lambda: numbers(dice, 1, -reach, reach) if reach and dice.random() < 0.5 else ""
    add(0.5, "BYDAY", ",".join(ordinal() + dice.choice(DAYS) for _ in range(dice.randint(1, 3))))
    add(0.12, "BYHOUR", numbers(dice, 3, 1, 23))
    add(0.12, "BYMINUTE", numbers(dice, 3, 1, 59))
    add(0.2, "BYSETPOS", numbers(dice, 3, -4, 4))
    add(0.3, "WKST", dice.choice(DAYS))
    add(0.2, "COUNT", str(dice.randint(1, 30)))
    start = dt.datetime(1990, 1, 1) + dt.timedelta(days=dice.randrange(15000), minutes=15 * dice.randrange(96))
    return parts, start


def instant(wall, zone):
    there = wall.replace(tzinfo=zone, fold=0)
    return int((there - there.utcoffset()).replace(tzinfo=dt.timezone.utc).timestamp())


class TooLong(Exception):
    pass


def too_long(*_):
    raise TooLong


def theirs(text, start, end, zone):
    """Ours starts with DTSTART whatever the rule says; so theirs is given it too."""
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        rule = rrule.rrulestr(text, dtstart=start)
        found, given = [], False
        for wall in rule:
            if wall >= end:
                break
            given = given or wall == start
            found.append(instant(wall, zone))
        return sorted({instant(start, zone), *found}), given
    except ValueError:
        return None, False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def main():
    signal.signal(signal.SIGVTALRM, too_long)
    dice = random.Random(int(sys.argv[3]))
    questions, cases = [], []
    for _ in range(int(sys.argv[2])):
        parts, start = made_up(dice)
        name = dice.choice(ZONES)
        zone, end = zoneinfo.ZoneInfo(name), start + dt.timedelta(days=SPANS[parts["FREQ"]])
        text = ";".join(f"{key}={value}" for key, value in parts.items())
        dtstart = f"DTSTART:{start:%Y%m%dT%H%M%S}Z" if name == "UTC" else f"DTSTART;TZID={name}:{start:%Y%m%dT%H%M%S}"
        questions.append(f"{instant(start, zone)}\t{instant(end, zone)}\t{dtstart}|RRULE:{text}")
        cases.append((parts, text, start, end, zone))
    answers = subprocess.run([sys.argv[1]], input="\n".join(questions), stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    assert len(answers) == len(cases)
    met, same, unforeseen = collections.Counter(), 0, 0
    for question, answer, (parts, text, start, end, zone) in zip(questions, answers, cases):
        try:
            expected, parts["start given"] = theirs(text, start, end, zone)
        except TooLong:
            met["it took too long"] += 1
            continue
        window = [int(n) for n in question.split("\t")[:2]]
        if answer.startswith("refused") and expected is not None and len(expected) == 1:
            met["a rule that never comes is refused by us"] += 1
            continue
        ours = None if answer.startswith("refused") else [int(n) for n in answer.split()]
        if expected is not None:
            expected = [t for t in expected if window[0] <= t < window[1]]
        if ours == expected:
            same += 1
            continue
        foretold = [name for name, predicate in CLASSES.items() if predicate(parts)]
        met.update(foretold)
        if not foretold:
            unforeseen += 1
            print(f"  RED {question}\n    theirs {expected}\n    ours   {answer[:300]}"[:1200], file=sys.stderr)
    for name, count in met.items():
        print(f"  {count:>6} {name}", file=sys.stderr)
    print(same, unforeseen, sum(met.values()))


main()
