"""Specs of gcodec-diffc. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import EmbeddingSpec, hookimpl


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """Stage 1 by channel simulation."""
    return []
