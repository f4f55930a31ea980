"""The classical codecs under gcodec's own conformance suite."""

from __future__ import annotations

import importlib.util

import pytest

from gcodec.testing import EmbeddingConformance


class TestJpeg(EmbeddingConformance):
    name = "jpeg"


class TestWebp(EmbeddingConformance):
    name = "webp"


class TestAvif(EmbeddingConformance):
    name = "avif"


@pytest.mark.skipif(
    importlib.util.find_spec("pillow_jxl") is None, reason="needs pillow-jxl-plugin"
)
class TestJxl(EmbeddingConformance):
    name = "jxl"
