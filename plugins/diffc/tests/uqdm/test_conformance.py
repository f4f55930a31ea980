"""The promises of every embedding, kept by `uqdm`."""

from gcodec.testing import EmbeddingConformance


class TestUqdm(EmbeddingConformance):
    name = "uqdm"
    qualities = (0.0, 0.2, 0.45, 0.7, 1.0)
    # Previews before the last are a float network's: the last digit is the machine's.
    signal_tolerance = 1 / 255
