"""The promises of every embedding, kept by `lossless`."""

from gcodec.testing import EmbeddingConformance


class TestLossless(EmbeddingConformance):
    name = "lossless"
    qualities = (0.0, 0.6, 1.0)
    # The size of a picture changes nothing but the number of waves.
    large = ((40, 530), (1, 600))
