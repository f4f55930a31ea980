"""`text_sketch` keeps the promises of every embedding."""

from __future__ import annotations

from typing import ClassVar

from gcodec.testing import EmbeddingConformance


class TestTextSketch(EmbeddingConformance):
    name = "text_sketch"
    qualities = (0.0, 0.3, 0.5, 0.8, 1.0)
    options: ClassVar = {"text": "Two birds on a branch, one of them blue."}
