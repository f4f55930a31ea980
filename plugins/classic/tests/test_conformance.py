"""The classical codecs under gcodec's own conformance suite."""

from __future__ import annotations

from gcodec.testing import EmbeddingConformance


class TestJpeg(EmbeddingConformance):
    name = "jpeg"


class TestWebp(EmbeddingConformance):
    name = "webp"


class TestAvif(EmbeddingConformance):
    name = "avif"


class TestJxl(EmbeddingConformance):
    name = "jxl"
