"""The promises of every embedding, kept by `ntc`."""

from gcodec.testing import EmbeddingConformance


class TestNtc(EmbeddingConformance):
    name = "ntc"
    # The synthesis is a float network: its last digit is the machine's.
    signal_tolerance = 1 / 255
