"""The networks of `base` under gcodec's own conformance suite."""

from __future__ import annotations

from gcodec.testing import CodebookConformance, DenoiserConformance, LatentSpaceConformance


class TestAutoencoder(LatentSpaceConformance):
    model = "base/autoencoder"
    max_error = 0.002


class TestCodebook16(CodebookConformance):
    model = "base/codebook16"


class TestCodebook32(CodebookConformance):
    model = "base/codebook32"


class TestDenoiser(DenoiserConformance):
    model = "base/denoiser"
