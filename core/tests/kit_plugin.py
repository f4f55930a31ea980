"""Specs of the methods in `kit_codecs`."""

from __future__ import annotations

from gcodec.plugin import (
    REALISM,
    AdapterSpec,
    CommandSpec,
    EmbeddingSpec,
    MetricSpec,
    NetworkSpec,
    Option,
    ReconstructorSpec,
    hookimpl,
)

GCODEC_INTERFACE = 1

EFFORT = Option("effort", int, 6, "how hard zlib tries", minimum=1, maximum=9)
STRENGTH = Option("strength", float, 1.0, "strength", minimum=0, maximum=1)
TURN = Option("turn", bool, False, "code the negative")

EMBEDDINGS = [
    "Progressive",
    "AllOrNothing",
    "Stateful",
    "Remembering",
    "Vandal",
    "Drawing",
    "Careless",
    "Hanging",
    "Greedy",
    "Crashing",
    "Boastful",
    "Double",
    "Unclipped",
    "Backwards",
    "Underestimating",
    "Whispering",
    "Threaded",
    "Hashing",
    "Homely",
    "Punctual",
    "Dated",
    "Zoned",
    "Salted",
    "Narrow",
]

RECONSTRUCTORS = [
    "Unseeded",
    "Wandering",
    "Cramped",
    "Overshooting",
    "Scribbling",
    "Inventing",
    "Mingling",
]


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    def spec(name: str, implementation: str, **more: object) -> EmbeddingSpec:
        return EmbeddingSpec(
            name=name,
            summary="for tests",
            implementation=f"{'smuggling' if implementation == 'Smuggling' else 'kit_codecs'}:{implementation}",
            **{"makes": ("preview",), "parse_class": "A", "options": (EFFORT, TURN), **more},  # type: ignore[arg-type]
        )

    layered = ("Progressive", "AllOrNothing")
    return [
        *(spec(f"kit/{name.lower()}", name, progressive=name in layered) for name in EMBEDDINGS),
        spec("kit/smuggling", "Smuggling"),
        spec("kit/stolen", "Progressive", id=191),
        spec("kit/promising", "Progressive", makes=("preview", "sketch")),
        spec("kit/shadowing", "Progressive", options=(Option("force", bool, False, "x"),)),
        spec("kit/optional", "Progressive", options=(Option("effort", int, 60, "x", maximum=9),)),
    ]


@hookimpl
def gcodec_reconstructors() -> list[ReconstructorSpec]:
    def spec(name: str, implementation: str, need: str, *options: Option) -> ReconstructorSpec:
        return ReconstructorSpec(
            name=f"kit/{name.lower()}",
            summary="for tests",
            implementation=f"kit_codecs:{implementation}",
            needs=((need,),),
            options=(STRENGTH, *options),
        )

    return [
        *(spec(name, name, "preview") for name in RECONSTRUCTORS),
        spec("dialled", "Unseeded", "preview", REALISM),
        spec("wilful", "Unseeded", "preview", Option("realism", float, 0.5, "more is more")),
        spec("lonely", "Unseeded", "tokens/nowhere"),
        spec("spaceless", "Unseeded", "latent"),
    ]


@hookimpl
def gcodec_adapters() -> list[AdapterSpec]:
    return [
        AdapterSpec("kit/wrong", "preview", "tokens/kit", "kit_codecs:wrong_type", 1, "for tests"),
        AdapterSpec("kit/small", "preview", "sketch", "kit_codecs:too_small", 1, "for tests"),
    ]


@hookimpl
def gcodec_networks() -> list[NetworkSpec]:
    return [
        NetworkSpec("KitSpace", "space", "for tests", "kit_networks:Space"),
        NetworkSpec("KitDenoiser", "denoiser", "for tests", "kit_networks:Posterior"),
        NetworkSpec("KitCodebook", "codebook", "for tests", "kit_networks:Levels"),
    ]


@hookimpl
def gcodec_metrics() -> list[MetricSpec]:
    def spec(name: str, implementation: str, rises: bool = False) -> MetricSpec:
        return MetricSpec(
            f"kit/{name}", name, "for tests", f"kit_measures:{implementation}", rises=rises
        )

    names = ("checked", "trusting", "lopsided", "numberless")
    return [*(spec(name, name) for name in names), spec("upside", "checked", rises=True)]


@hookimpl
def gcodec_commands() -> list[CommandSpec]:
    names = ("sound", "littering", "defective", "no_command")
    return [
        *(CommandSpec(f"kit-{name}", "for tests", f"kit_measures:{name}") for name in names),
        CommandSpec("kit-ponderous", "for tests", "kit_ponderous:command"),
    ]
