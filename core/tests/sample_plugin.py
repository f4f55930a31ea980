"""Specs of embeddings and reconstructors that exist for tests; the implementations are in `sample_codecs`."""

from __future__ import annotations

from gcodec.plugin import (
    REALISM,
    AdapterSpec,
    EmbeddingSpec,
    Option,
    Profile,
    ReconstructorSpec,
    TrainerSpec,
    hookimpl,
)

GCODEC_INTERFACE = 1

_AT = "sample_codecs:"


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    def spec(name: str, implementation: str, **more: object) -> EmbeddingSpec:
        return EmbeddingSpec(
            name=name,
            summary="for tests",
            implementation=_AT + implementation,
            **{"makes": ("preview",), "parse_class": "A", **more},  # type: ignore[arg-type]
        )

    levels = Option("levels", int, 256, "gray levels", minimum=2, maximum=256)
    return [
        # A registered number of the private range and one profile: the shortest header there is.
        spec("tiny", "Tiny", id=200, profiles=(Profile(1),), options=(levels,)),
        spec("test/named", "Tiny", levels=7),
        spec("test/layered", "Layered", progressive=True),
        spec("test/weighted", "Weighted", model="test/gain", finder=_AT + "find"),
        spec("test/float", "Tiny", parse_class="C"),
        spec("test/slow", "Slow"),
        spec("test/defect", "Defect"),
        spec("test/absent", "Nowhere"),
        spec("test/words", "Words", makes=("text",)),
    ]


@hookimpl
def gcodec_reconstructors() -> list[ReconstructorSpec]:
    def spec(name: str, implementation: str, **more: object) -> ReconstructorSpec:
        return ReconstructorSpec(
            name=name,
            summary="for tests",
            implementation=_AT + implementation,
            **{"needs": (("preview",),), **more},  # type: ignore[arg-type]
        )

    grain = (
        REALISM,
        Option("amount", float, 0.25, "strength", minimum=0, maximum=1),
        Option("invert", bool, False, "turn black and white around"),
        Option("mode", str, "add", "how", choices=("add", "none")),
    )
    return [
        spec("grain", "Grain", options=grain),
        spec("outline", "Outline", needs=(("tokens/book",), ("sketch",))),
        spec("etched", "Outline", needs=(("sketch",),), options=(REALISM,)),
        spec("fussy", "Grain", needs=(("tokens/book", "text"),)),
        spec("heavy", "Grain", model="test/none", options=grain),
    ]


@hookimpl
def gcodec_adapters() -> list[AdapterSpec]:
    return [
        AdapterSpec("test/inked", "preview", "sketch", _AT + "inked", 500, "for tests"),
        AdapterSpec(
            "test/never", "sketch", "latent/never", _AT + "no_such_function", 1, "for tests"
        ),
    ]


@hookimpl
def gcodec_trainers() -> list[TrainerSpec]:
    return [TrainerSpec("test/blur", "for tests", "sample_training:Blur")]
