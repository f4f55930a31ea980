"""The promises of every embedding, kept by `ldm_quant` and `rate_variable`. Latents are integers times a width: exact."""

from gcodec.testing import EmbeddingConformance


class TestLdmQuant(EmbeddingConformance):
    name = "ldm_quant"


class TestRateVariable(EmbeddingConformance):
    name = "rate_variable"
