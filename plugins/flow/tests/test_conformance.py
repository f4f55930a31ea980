"""The conformance suite of core, on a few embeddings' signals; every pair is tried in tests/test_pairs.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from gcodec.testing import ReconstructorConformance

PREVIEWS: Sequence[str] = ("jpeg", "ntc")


class TestFlow(ReconstructorConformance):
    name = "flow"
    embeddings: ClassVar[Sequence[str]] = PREVIEWS
    max_mse_ratio = 2.0
    tolerance = 1e-4


class TestBridge(ReconstructorConformance):
    name = "bridge"
    embeddings: ClassVar[Sequence[str]] = PREVIEWS
    deterministic = True
    max_mse_ratio = 2.0
    tolerance = 1e-4


class TestRateVariable(ReconstructorConformance):
    name = "rate_variable"
    embeddings: ClassVar[Sequence[str]] = ("ntc",)
    deterministic = True
    tolerance = 1e-3


class TestLatentFlow(ReconstructorConformance):
    name = "latent_flow"
    embeddings: ClassVar[Sequence[str]] = ("ntc", "perco")
    options: ClassVar[Mapping[str, Any]] = {"steps": 1}
    max_mse_ratio = 3.0
    tolerance = 1e-3


class TestOneStep(ReconstructorConformance):
    name = "one_step"
    embeddings: ClassVar[Sequence[str]] = ("ntc", "perco", "diffc")
    max_mse_ratio = 2.0
    tolerance = 1e-3
