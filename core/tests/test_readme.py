"""The table of exit statuses is what the errors say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gcodec import errors

README = Path(__file__).resolve().parents[1] / "README.md"


def test_every_exit_status_is_in_the_table() -> None:
    if not README.exists():
        pytest.skip("not a checkout")
    rows = re.findall(r"^\| ([\d, ]+) \|", README.read_text("utf-8"), re.MULTILINE)
    listed = {int(number) for row in rows for number in row.split(",")}
    raised = {
        error.exit_status
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.GcodecError)
    }
    constants = {errors.DEFECT_EXIT_STATUS}
    constants |= {errors.INTERRUPTED_EXIT_STATUS, 0, 141}
    assert listed == (raised - {errors.GcodecError.exit_status}) | constants
