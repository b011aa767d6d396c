"""Plants each bug in a copy of the workspace and runs the made-up rules and series there: red is right. The control, a
copy without a bug, must be green. The text of a bug must stand in its file exactly once, so that the list cannot rot.

usage: planted_run.py WORKSPACE COPY [BUG...]; last line on stdout: PASSED FAILED."""

import pathlib
import shutil
import subprocess
import sys

from checks import Checks

BUGS = {
    # name: (file in src/ical, what stands there, what is planted)
    "no-period-before": ("recur.rs", "(units / i64::from(self.rule.interval) - i64::from(over)).max(0)", "(units / i64::from(self.rule.interval)).max(0)"),
    "first-weekday-forgotten": ("recur.rs", "day - i64::from((weekday(day) + 7 - u32::from(self.rule.week_start)) % 7)", "day - i64::from(weekday(day))"),
    "last-position-is-one-before": ("recur.rs", "all + i64::from(n) });", "all + i64::from(n) - 1 });"),
    "leap-into-a-wrong-phase": ("recur.rs", "units.div_euclid(interval) + i64::from(units.rem_euclid(interval) != 0)", "units.div_euclid(interval) + 1"),
    "count-forgets-the-start": ("recur.rs", "std::mem::take(&mut first) && instance != start", "std::mem::take(&mut first) && instance < start"),
    "last-weekday-is-the-one-before": ("days.rs", "last + (n + 1) * 7", "last + n * 7"),
    "week-one-has-january-first": ("days.rs", "let fourth = days(year, 1, 4);", "let fourth = days(year, 1, 1);"),
    "ordinals-of-the-year-with-months": ("days.rs", "rule.freq == Freq::Yearly && rule.months == 0 && rule.weeks", "rule.freq == Freq::Yearly && rule.weeks"),
    "forward-is-backward": ("days.rs", "bits | 1 << at.length,", "bits | 1 << (at.length - 1),"),
    "last-day-of-a-leap-year": ("days.rs", "(at.first - days(at.year, 1, 1), 365 + i64::from(is_leap(at.year)))", "(at.first - days(at.year, 1, 1), 365)"),
    "every-fourth-year-leaps": ("time.rs", "year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)", "year % 4 == 0"),
    "until-is-exclusive": ("series.rs", "if key <= last && self.offer(", "if key < last && self.offer("),
    "overridden-stays": ("series.rs", "self.overrides.binary_search_by_key(&key, |o| o.key).is_ok()", "self.overrides.is_empty() && key == i64::MIN"),
    "long-ones-end-at-once": ("series.rs", "(self.window.from.saturating_sub(reach),", "(self.window.from.saturating_sub(around),"),
}


def plant(workspace, copy, bug):
    file, old, new = BUGS[bug]
    text = (workspace / "src/ical" / file).read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    (copy / "src/ical" / file).write_text(text.replace(old, new))


def run(copy):
    """Whether the proofs are green; an error of building is neither."""
    said = subprocess.run(
        ["cargo", "test", "-p", "kalends-ical", "--lib", "--", "proof::random"], cwd=copy, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900,
    ).stdout
    if "test result: ok. 3 passed" in said:
        return True, ""
    assert "test result: FAILED" in said, said[-1500:]
    return False, next(line for line in said.splitlines() if line.startswith("test proof::random") and "FAILED" in line)


def main():
    workspace, copy = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) / "kalends"
    shutil.copytree(workspace, copy, ignore=shutil.ignore_patterns("target", ".git", ".work", "interop"))
    checks = Checks()
    if not sys.argv[3:]:
        with checks("without a bug"):
            green, said = run(copy)
            assert green, said
    for bug in sys.argv[3:] or BUGS:
        with checks(bug):
            plant(workspace, copy, bug)
            green, said = run(copy)
            assert not green, "nobody noticed"
            print(f"  {bug}: {said}", file=sys.stderr)
        shutil.copyfile(workspace / "src/ical" / BUGS[bug][0], copy / "src/ical" / BUGS[bug][0])
    checks.end()


main()
