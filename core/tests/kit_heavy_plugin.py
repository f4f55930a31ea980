"""A plugin whose light module is not light."""

from __future__ import annotations

import numpy as np

from gcodec.plugin import EmbeddingSpec, hookimpl

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    return [
        EmbeddingSpec(
            name="kit/heavy",
            summary=f"for tests, with NumPy {np.__version__}",
            implementation="kit_codecs:Progressive",
            makes=("preview",),
            parse_class="A",
        )
    ]
