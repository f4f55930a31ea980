"""The conformance suite of core, on a preview, which an adapter makes noisy, and on noisy states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from gcodec.interfaces import Reconstructor, Size
from gcodec.signals import Noisy
from gcodec.testing import ReconstructorConformance


class FromPreview(ReconstructorConformance):
    """Every pair is tried in tests/test_pairs.py; a preview leads to all of these."""

    embeddings: ClassVar[Sequence[str]] = ("ntc",)
    tolerance = 1e-3


class TestOde(FromPreview):
    """A file of `diffc`, which takes long to make, serves one of the four."""

    name = "ode"
    embeddings: ClassVar[Sequence[str]] = ("ntc", "diffc")
    options: ClassVar[Mapping[str, Any]] = {"steps": 1}


class TestSde(FromPreview):
    name = "sde"


class TestMse(FromPreview):
    """The noise that an adapter adds to a preview is the adapter's own: given x_t, nothing is drawn."""

    name = "mse"
    deterministic = True

    @pytest.fixture(autouse=True)
    def _given(
        self, state: Callable[..., Noisy], reconstructor: Callable[..., Reconstructor]
    ) -> None:
        self.state, self.reconstructor = state, reconstructor

    def test_seed(self) -> None:
        signals = {"noisy/base": self.state(0.3)}
        one, other = (
            self.reconstructor("mse", seed=seed).reconstruct(signals, Size(96, 128))
            for seed in (1, 2)
        )
        np.testing.assert_array_equal(one, other)


class TestDps(FromPreview):
    name = "dps"
