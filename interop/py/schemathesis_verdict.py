"""What a run of schemathesis comes to, as `PASSED FAILED`: operations without a failure, failures and errors of all kinds.
A run that ended early, or tried an operation fewer than 50 times on average, is a failure too.

    schemathesis_verdict.py REPORT.json
"""

import json
import sys

with open(sys.argv[1]) as file:
    told = json.load(file)
broken = {name for failure in told["failures"] for name in failure["operations"]}
operations, calls = told["operations"], told["test_cases"]["generated"]
failed = len(told["failures"]) + len(told["errors"]) + operations["errored"]
if not told["complete"] or calls < 50 * operations["selected"]:
    print(f"{calls} calls of {operations['selected']} operations are too few", file=sys.stderr)
    failed += 1
for failure in told["failures"]:
    print(failure["title"], failure["operations"], file=sys.stderr)
print(f"schemathesis: {calls} calls of {operations['selected']} operations", file=sys.stderr)
print(operations["tested"] - len(broken), failed)
sys.exit(1 if failed else 0)
