"""An honest embedding, and one that hides the picture from the file and looks for it where a lone receiver finds nothing."""

from __future__ import annotations

from gcodec.plugin import EmbeddingSpec, hookimpl

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    return [
        EmbeddingSpec(f"test/{name.lower()}", "for tests", f"{at}:{name}", ("preview",), "A")
        for name, at in (("Smuggling", "smuggling"), ("Tiny", "sample_codecs"))
    ]
