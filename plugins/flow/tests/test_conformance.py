"""The conformance suite of core, on the signals of every installed embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from gcodec.testing import ReconstructorConformance


class TestFlow(ReconstructorConformance):
    name = "flow"
    options: ClassVar[Mapping[str, Any]] = {"steps": 2}
    max_mse_ratio = 2.0
    tolerance = 1e-4


class TestLatentFlow(ReconstructorConformance):
    name = "latent_flow"
    options: ClassVar[Mapping[str, Any]] = {"steps": 1}
    max_mse_ratio = 3.0
    tolerance = 1e-3
