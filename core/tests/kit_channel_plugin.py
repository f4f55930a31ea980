"""Specs of the channels in `kit_channels`."""

from __future__ import annotations

from gcodec.plugin import ChannelSpec, Option, hookimpl

GCODEC_INTERFACE = 1

DEPTH = Option("depth", int, 10, "bits of an index", minimum=1, maximum=12)

NAMES = [
    *("Sound", "Biased", "Greedy", "Timid", "Quiet", "Leaning", "Spiky", "Wasteful", "Global"),
    *("Tidy", "Scribbling", "Deaf", "Cheating", "Hashing", "Trusting", "Careless", "Unshaped"),
    *("Absolute", "Double", "Pinned"),
]


@hookimpl
def gcodec_channels() -> list[ChannelSpec]:
    def spec(name: str, implementation: str, *more: Option, fixed: bool = False) -> ChannelSpec:
        options = (DEPTH, *more)
        home = f"kit_channels:{implementation}"
        return ChannelSpec(name, "for tests", home, options=options, fixed=fixed)

    colon = Option("mode", str, "a:b", "with a colon")
    return [
        *(spec(f"kit/{name.lower()}", name) for name in NAMES),
        spec("kit/colon", "Sound", colon),
        spec("kit/unfixed", "Wasteful", fixed=True),
    ]
