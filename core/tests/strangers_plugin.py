"""Specs of what `strangers` holds."""

from __future__ import annotations

from strangers import METHODS, RECONSTRUCTORS

from gcodec.plugin import (
    AdapterSpec,
    CommandSpec,
    EmbeddingSpec,
    Field,
    MetricSpec,
    ReconstructorSpec,
    SignalSpec,
    hookimpl,
)

GCODEC_INTERFACE = 1


def _embedding(name: str, implementation: str, *makes: str) -> EmbeddingSpec:
    return EmbeddingSpec(name, "for tests", f"strangers:{implementation}", makes, "A")


@hookimpl
def gcodec_signals() -> list[SignalSpec]:
    fields = (
        Field("far", "float32", ("W",), low=1, finite=False),  # the sky is
        Field("space", "str"),
        Field("nearest", "int", low=0),
    )
    return [SignalSpec("acme/depth", "distances, one a column", "strangers:Depth", fields)]


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    return [
        _embedding("acme/tunnel", "Tunnel", "acme/depth/feet"),
        *(_embedding(f"acme/{name}", name, "preview") for name in METHODS),
    ]


@hookimpl
def gcodec_reconstructors() -> list[ReconstructorSpec]:
    def spec(name: str, implementation: str, need: str) -> ReconstructorSpec:
        return ReconstructorSpec(
            f"acme/{name}", "for tests", f"strangers:{implementation}", ((need,),)
        )

    return [
        spec("fog", "Fog", "acme/depth/metres"),
        spec("lied-to", "Fog", "sketch"),
        spec("blurted-to", "Fog", "tokens/acme"),
        spec("failed-by", "Fog", "tokens/nothing"),
        *(spec(name, name, "preview") for name in RECONSTRUCTORS),
    ]


@hookimpl
def gcodec_adapters() -> list[AdapterSpec]:
    def spec(source: str, target: str, function: str) -> AdapterSpec:
        name = f"acme/{function}"
        return AdapterSpec(name, source, target, f"strangers:{function}", 1, "for tests")

    return [
        spec("acme/depth/feet", "acme/depth/metres", "to_metres"),
        spec("preview", "sketch", "lying"),
        spec("preview", "tokens/acme", "blurting"),
        spec("preview", "tokens/nothing", "fail"),
    ]


@hookimpl
def gcodec_commands() -> list[CommandSpec]:
    return [CommandSpec("acme-stumble", "for tests", "strangers:stumble")]


@hookimpl
def gcodec_metrics() -> list[MetricSpec]:
    return [MetricSpec("acme/taste", "Taste", "for tests", "strangers:fail", rises=True)]
