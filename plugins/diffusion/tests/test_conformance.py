"""The conformance suite of core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from gcodec.testing import ReconstructorConformance


class FromPreview(ReconstructorConformance):
    """Every pair is tried in tests/test_pairs.py; a preview leads to all of these."""

    embeddings: ClassVar[Sequence[str]] = ("ntc",)
    tolerance = 1e-3


class TestCdc(FromPreview):
    name = "cdc"


class TestHfd(FromPreview):
    name = "hfd"


class TestPerco(FromPreview):
    """Guidance goes beyond the distribution that it was given, and farther from a good preview."""

    name = "perco"
    options: ClassVar[Mapping[str, Any]] = {"steps": 1}
    max_mse_ratio = 20.0


class TestControlnet(FromPreview):
    """Of a picture it is told the edges alone, so nothing holds its colours."""

    name = "controlnet"
    options: ClassVar[Mapping[str, Any]] = {"steps": 1}
    max_mse_ratio = 100.0


class TestRelic(FromPreview):
    name = "relic"
    deterministic = True
