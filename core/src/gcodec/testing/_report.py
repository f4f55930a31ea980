"""A process that runs one file of tests with pytest and says, in a line of JSON each, what begins and what came of it."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

import pytest

__all__ = ["main"]


class _Reporter:
    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.said: set[str] = set()

    def say(self, **event: str) -> None:
        print(json.dumps(event), file=self.stream, flush=True)

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self.say(starts=_name(nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # What fails before or after a test counts as its failure, once.
        if (report.when != "call" and report.passed) or report.nodeid in self.said:
            return
        self.said.add(report.nodeid)
        self.say(test=_name(report.nodeid), outcome=report.outcome, detail=_why(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.say(test="collection", outcome="failed", detail=_why(report))


def _name(nodeid: str) -> str:
    return nodeid.partition("::")[2].partition("::")[2]


def _why(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return one line on what did not pass."""
    if report.passed:
        return ""
    if report.skipped and isinstance(report.longrepr, tuple):
        return " ".join(str(report.longrepr[2]).removeprefix("Skipped: ").split())
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message if crash else report.longrepr).strip()
    lines = text.splitlines() or ["no reason given"]
    return lines[0].removeprefix("AssertionError: ").removeprefix("Failed: ")


def main(file: str) -> int:
    """Run the tests of a file in the working folder; what they print goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    words = ["-p", "gcodec.testing.fixtures", "-p", "no:cacheprovider", "-p", "no:terminal"]
    words += ["--rootdir", ".", "-c", os.devnull, file]
    return int(pytest.main(words, plugins=[_Reporter(stream)]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
