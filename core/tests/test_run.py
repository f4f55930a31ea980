"""How to run, and what for: values that cannot be meant are named; NumPy's numbers are numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gcodec
from gcodec.entropy import RowEncoder
from gcodec.errors import InvalidArgument, UsageError
from gcodec.run import Run


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (lambda: gcodec.Target(bpp="x"), "bpp is a number, not 'x'"),  # type: ignore[arg-type]
        (lambda: gcodec.Target(bytes=1.5), "bytes is a whole number"),  # type: ignore[arg-type]
        (lambda: gcodec.Target(quality=True), "quality is a number"),
        (lambda: gcodec.Session(keep="a"), "not 'a'"),  # type: ignore[arg-type]
        (lambda: gcodec.Session(device="bogus"), "no device 'bogus'"),
        (lambda: gcodec.Session(device="cuda:x"), "no device 'cuda:x'"),
        (lambda: Run(dtype="int8"), "dtype is one of"),
        (lambda: Run(memory="some"), "memory is one of"),
        (lambda: Run(seed="x"), "seed is a whole number"),  # type: ignore[arg-type]
        (lambda: Run(seed=1 << 64), "seed is a whole number"),
        (lambda: Run().with_seed(-1), "seed is a whole number"),
    ],
)
def test_what_cannot_be_meant_is_named(made: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        made()


def test_numpy_integers_are_integers() -> None:
    assert type(Run(seed=np.int64(3)).seed) is int  # type: ignore[arg-type]
    assert gcodec.Target(bytes=np.int64(300)).limit(1) == 300  # type: ignore[arg-type]
    assert Run(device="cuda:1").device == "cuda:1"


@pytest.mark.parametrize(
    ("symbols", "frequencies", "text"),
    [
        ([0, 0], np.full((2, 4), 5), "sum 16777216"),
        ([0], np.array([[0, 1 << 24]]), "1 or more"),
        ([0], np.full((1, 4), np.nan), "whole numbers"),
        ([0], np.array([[(1 << 24) + 5, -5]]), "whole numbers"),
        ([4], np.full((1, 4), 1 << 22), "0..3"),
        ([0], np.full(4, 1 << 22), "are due"),
    ],
)
def test_rows_that_are_no_frequencies_are_refused(
    symbols: Any, frequencies: Any, text: str
) -> None:
    with pytest.raises(InvalidArgument, match=text):
        RowEncoder().put(symbols, frequencies)
