"""The metrics and the command under gcodec's own conformance suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from gcodec.testing import CommandConformance, MetricConformance


class TestMsSsim(MetricConformance):
    name = "ms_ssim"
    identity = 1.0
    symmetric = True


class TestLpips(MetricConformance):
    name = "lpips"
    identity = 0.0
    symmetric = True
    tolerance = 1e-4


class TestDists(MetricConformance):
    name = "dists"
    identity = 0.0
    symmetric = True
    tolerance = 1e-4


class TestEval(CommandConformance):
    name = "eval"
    failing: ClassVar[Mapping[Sequence[str], int]] = {
        ("nowhere",): 7,
        (".", "--embed", "no-such-codec"): 3,
    }
