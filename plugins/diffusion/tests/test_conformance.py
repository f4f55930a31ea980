"""The conformance suite of core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from gcodec.testing import ReconstructorConformance

#: Every pair is tried in tests/test_pairs.py; a preview leads to all of these.
PREVIEW: Sequence[str] = ("ntc",)


class TestCdc(ReconstructorConformance):
    name = "cdc"
    embeddings: ClassVar[Sequence[str]] = PREVIEW
    options: ClassVar[Mapping[str, Any]] = {"steps": 2}
    tolerance = 1e-3


class TestHfd(ReconstructorConformance):
    name = "hfd"
    embeddings: ClassVar[Sequence[str]] = PREVIEW
    options: ClassVar[Mapping[str, Any]] = {"steps": 2}
    tolerance = 1e-3


class TestPerco(ReconstructorConformance):
    """Guidance goes beyond the distribution that it was given, and farther from a good preview."""

    name = "perco"
    max_mse_ratio = 10.0
    embeddings: ClassVar[Sequence[str]] = PREVIEW
    options: ClassVar[Mapping[str, Any]] = {"steps": 1}
    tolerance = 1e-3


class TestControlnet(ReconstructorConformance):
    """Of a picture it is told the edges alone, so nothing holds its colours."""

    name = "controlnet"
    embeddings: ClassVar[Sequence[str]] = PREVIEW
    options: ClassVar[Mapping[str, Any]] = {"steps": 1}
    tolerance = 1e-3
    max_mse_ratio = 100.0


class TestRelic(ReconstructorConformance):
    name = "relic"
    embeddings: ClassVar[Sequence[str]] = PREVIEW
    options: ClassVar[Mapping[str, Any]] = {"steps": 2}
    tolerance = 1e-3
    deterministic = True
