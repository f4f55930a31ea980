"""What this distribution offers to gcodec. Imports nothing but the specs."""

from __future__ import annotations

from importlib.machinery import PathFinder
from importlib.util import find_spec

from gcodec.plugin import LEVELS, EmbeddingSpec, Option, Profile, hookimpl

GCODEC_INTERFACE = 1

_SAMPLINGS = ("420", "422", "444")

#: Where each errs (`EmbeddingSpec.spread`).
_SPREAD = {
    "jpeg": (0, 0, 0.2103, 0.1762, -0.0089, -0.0116, 0.0062, -0.0145, 0.003, 0.0007),
    "webp": (0, 0, 0.2414, 0.1055, 0.0229, 0.0019, -0.0084, 0.0006, -0.0039, -0.0023),
    "avif": (0, 0, 0.1047, 0.062, -0.0047, -0.0069, 0.0111, -0.0012, 0.0008, -0.0002),
    "jxl": (0, 0, 0.2447, 0.1033, 0.0144, 0.0068, 0.0007, -0.0049, -0.0038, -0.0016),
}


def jxl_missing() -> str:
    """Say what to install where JPEG XL cannot be had."""
    if find_spec("pillow_jxl"):
        return ""
    return 'JPEG XL is an extra; install it with: pip install "gcodec-classic[jxl]"'


def webp_missing() -> str:
    """Say what to install where Pillow cannot read and write WebP."""
    return _built_without("WebP")


def avif_missing() -> str:
    """Say what to install where Pillow cannot read and write AVIF."""
    return _built_without("AVIF")


def _built_without(codec: str) -> str:
    # Looked up beside Pillow, which looking for "PIL._webp" itself would import.
    pillow = find_spec("PIL")
    if pillow and PathFinder.find_spec(f"_{codec.lower()}", pillow.submodule_search_locations):
        return ""
    return f"this Pillow was built without {codec}; install a wheel: pip install -U pillow"


def _spec(
    name: str,
    id: int,
    summary: str,
    *options: Option,
    levels: int = LEVELS,
    available: str = "",
) -> EmbeddingSpec:
    return EmbeddingSpec(
        name=name,
        summary=summary,
        implementation=f"gcodec_classic.embedding:{name.capitalize()}",
        makes=("preview",),
        parse_class="A",
        id=id,
        profiles=(Profile(1),),
        options=options,
        levels=levels,
        available=available and f"{__name__}:{available}",
        spread=_SPREAD.get(name, ()),
    )


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    return [
        _spec(
            "jpeg",
            1,
            "JPEG, 256 rates, the smallest of three ways to code it",
            Option(
                "subsampling",
                str,
                "auto",
                "chroma resolution; auto takes 4:2:0 below quality 0.75 and 4:4:4 from there on",
                choices=("auto", *_SAMPLINGS),
            ),
            levels=256,
        ),
        _spec(
            "webp",
            2,
            "WebP (VP8), up to 16383 pixels a side",
            Option("effort", int, 6, "encoder effort: 0 fast, 6 small files", minimum=0, maximum=6),
            available="webp_missing",
        ),
        _spec(
            "avif",
            3,
            "AVIF (AV1 intra), tuned for squared error",
            Option(
                "subsampling",
                str,
                "444",
                "chroma resolution; 444 has the least squared error",
                choices=_SAMPLINGS,
            ),
            Option(
                "effort",
                int,
                4,
                "encoder effort: 0 fast, 10 small files and very slow",
                minimum=0,
                maximum=10,
            ),
            levels=101,
            available="avif_missing",
        ),
        _spec(
            "jxl",
            4,
            "JPEG XL; lossless at quality 1",
            Option("effort", int, 7, "encoder effort: 1 fast, 9 small files", minimum=1, maximum=9),
            available="jxl_missing",
        ),
    ]
