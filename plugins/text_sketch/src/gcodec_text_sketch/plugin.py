"""Specs of gcodec-text-sketch. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import CAPTION, EmbeddingSpec, Option, Profile, hookimpl

GCODEC_INTERFACE = 1

OTHERS = Option(
    "others", str, "", "other captions that `encode --tries` may send instead, with | between them"
)


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """`text_sketch`: what a picture shows, where its edges are, and which colours it has."""
    return [
        EmbeddingSpec(
            name="text_sketch",
            summary="a caption, a sketch of edges and a thumbnail of colours; 50 to 5,000 bytes",
            implementation="gcodec_text_sketch.embedding:TextSketch",
            makes=("text", "preview", "sketch"),
            parse_class="A",
            id=32,
            profiles=(Profile(1),),
            levels=19,
            options=(
                *CAPTION,
                OTHERS,
                Option(
                    "colour",
                    str,
                    "small",
                    "thumbnail of colours, which is the preview; off leaves it gray",
                    choices=("small", "off"),
                ),
            ),
        )
    ]
