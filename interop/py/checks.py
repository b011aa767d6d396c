"""A list of named checks: each runs, a failure is told at once on stderr and does not stop the next one. The last line
on stdout is `PASSED FAILED`, which the calling script turns into its last line of counts."""

import sys
import traceback


class Checks:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def __call__(self, name):
        """with checks("what must hold"): asserts"""
        return _Check(self, name)

    def end(self):
        print(self.passed, self.failed)


class _Check:
    def __init__(self, checks, name):
        self.checks, self.name = checks, name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.checks.passed += 1
            return False
        if not issubclass(kind, Exception):
            return False
        self.checks.failed += 1
        said = "".join(traceback.format_exception(kind, error, trace)[-3:]).strip().replace("\n", "\n      ")
        print(f"  RED {self.name}:\n      {said[:2000]}", file=sys.stderr)
        return True
