"""The commands under gcodec's own conformance suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from gcodec.testing import CommandConformance


class TestTrain(CommandConformance):
    name = "train"
    failing: ClassVar[Mapping[Sequence[str], int]] = {
        (): 2,
        ("nowhere.toml", "--data", ".", "--out", "run"): 14,
    }


class TestTrainData(CommandConformance):
    name = "train-data"
    failing: ClassVar[Mapping[Sequence[str], int]] = {(): 2, (".", "data"): 7}
