"""The promises of every embedding, kept by `lossless`."""

from gcodec.testing import EmbeddingConformance


class TestLossless(EmbeddingConformance):
    name = "lossless"
    qualities = (0.0, 0.4, 0.8, 1.0)
    # Seconds, not a minute: waves of a few pixels.
    large = ((300, 530), (1, 600))
