"""Prints the driver's report against the aims (median server processor time for one request, in ms), with wall p50 and
p99; then `PASSED FAILED`: a workload passes when every answer was right, under STRICT only when its aim is met too.

usage: bench_table.py REPORT.json MIB_AT_REST MIB_AFTER STRICT"""

import json
import sys

AIMS = {
    "options": 0.02, "principal": 0.04, "get": 0.05, "put-new": 0.4, "put-recurring": 0.4, "put-update": 0.4,
    "propfind-1k": 1, "propfind-10k": 10, "sync-initial": 10, "sync-delta": 0.3, "multiget-50": 0.5, "query-week": 5,
    "query-week-expand": 8, "freebusy-month": 2,
}
REST_MIB, AFTER_MIB, PUT_P99_MS = 40, 250, 10


def rows(report):
    """(name, wrong answers, [(what, figure, aim or None)])"""
    for found in report["workloads"]:
        name, cpu = found["workload"], found["server_cpu_ms_per_req"]
        figures = [("cpu", cpu[1] if cpu else None, AIMS.get(name)), ("p50", found["p50_ms"][1], None)]
        figures.append(("p99", found["p99_ms"][1], PUT_P99_MS if name.startswith("put-") else None))
        yield name, found["errors"] + found["wrong"], figures, found["note"]


def main():
    report, rest, after, strict = json.load(open(sys.argv[1])), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "1"
    passed = failed = reached = aims = 0

    def judge(right, met):
        nonlocal passed, failed
        good = right and (met or not strict)
        passed, failed = passed + good, failed + (not good)

    print(f"  {'workload':<20}{'cpu ms':>9}{'aim':>7}{'p50 ms':>9}{'p99 ms':>9}  answers", file=sys.stderr)
    for name, wrong, figures, note in rows(report):
        late = [what for what, figure, aim in figures if aim is not None and (figure is None or figure > aim)]
        aims += sum(aim is not None for _, _, aim in figures)
        reached += sum(aim is not None for _, _, aim in figures) - len(late)
        judge(not wrong, not late)
        said = " ".join(f"{figure:>8.3f}" if figure is not None else "       -" for _, figure, _ in figures[:1])
        aim = figures[0][2]
        print(
            f"  {name:<20}{said:>9}{aim if aim else '-':>7}{figures[1][1]:>9.2f}{figures[2][1]:>9.2f}  "
            f"{'right' if not wrong else f'{wrong} WRONG ' + note}{'  above: ' + ' '.join(late) if late else ''}",
            file=sys.stderr,
        )
    for what, figure, aim in (("at rest", rest, REST_MIB), ("after the whole bench", after, AFTER_MIB)):
        aims, reached = aims + 1, reached + (figure <= aim)
        judge(True, figure <= aim)
        print(f"  memory {what}: {figure:.1f} MiB (aim {aim})", file=sys.stderr)
    print(f"  aims reached: {reached} of {aims}", file=sys.stderr)
    print(passed, failed)


main()
