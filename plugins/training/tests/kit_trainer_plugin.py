"""Specs of the trainers in `kit_trainers`."""

from __future__ import annotations

from gcodec.plugin import TrainerSpec, hookimpl

GCODEC_INTERFACE = 1

TRAINERS = ["Sound", "Forgetful", "Stuck", "Broken", "Nameless", "Trusting"]


@hookimpl
def gcodec_trainers() -> list[TrainerSpec]:
    return [
        TrainerSpec(f"kit/{name.lower()}", "for tests", f"kit_trainers:{name}") for name in TRAINERS
    ]
