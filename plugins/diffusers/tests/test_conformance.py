"""The conformance suite of core."""

from __future__ import annotations

from functools import cache

import numpy as np

from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.run import Run
from gcodec.signals import Latent, Noisy, Signal, Tokens
from gcodec.testing import AdapterConformance, pictures
from gcodec_diffusers.space import open_space
from gcodec_diffusers.tokens import ScalarCodebook, open_codebook


@cache
def book(name: str) -> ScalarCodebook:
    return open_codebook(ModelStore.installed().find(name), Run())


def tokens(name: str, size: Size) -> Tokens:
    found = book(name)
    space = open_space(ModelStore.installed().find(found.space), Run())
    pixels = np.ascontiguousarray(pictures.photograph(*size).transpose(2, 0, 1), np.float32) / 255
    return Tokens(found.quantize(space.encode(pixels)), found.name)


class TestPreviewToLatent(AdapterConformance):
    source, target = "preview", "latent/base"


class TestLatentToPreview(AdapterConformance):
    source, target = "latent/base", "preview"

    def example(self, size: Size) -> Signal:
        to_latent = TestPreviewToLatent()
        return to_latent.adapt(to_latent.example(size), size)


class TestTokens16ToPreview(AdapterConformance):
    source, target = "tokens/base-16", "preview"

    def example(self, size: Size) -> Signal:
        return tokens("base/codebook16", size)


class TestTokens32ToPreview(AdapterConformance):
    source, target = "tokens/base-32", "preview"

    def example(self, size: Size) -> Signal:
        return tokens("base/codebook32", size)


class TestNoisyToPreview(AdapterConformance):
    source, target = "noisy/base", "preview"

    def example(self, size: Size) -> Signal:
        latent = TestLatentToPreview().example(size)
        assert isinstance(latent, Latent)
        return Noisy(0.7 * latent.values, "base", 0.7, 0.3)


class TestPreviewToNoisy(AdapterConformance):
    source, target = "preview", "noisy/base"


class TestLatentToNoisy(TestLatentToPreview):
    source, target = "latent/base", "noisy/base"


class TestTokens16ToNoisy(TestTokens16ToPreview):
    source, target = "tokens/base-16", "noisy/base"


class TestTokens32ToNoisy(TestTokens32ToPreview):
    source, target = "tokens/base-32", "noisy/base"


def test_tokens_cost_what_they_say() -> None:
    """A token for 16x16 samples, and one for 32x32: 0.039 and 0.0098 bits a sample position."""
    for name, side in (("base/codebook16", 16), ("base/codebook32", 32)):
        made = tokens(name, Size(96, 64)).indices
        assert made.shape == (96 // side, 64 // side)
        assert np.log2(book(name).entries) == 10
