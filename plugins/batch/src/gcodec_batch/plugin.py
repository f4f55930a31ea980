"""Specs of gcodec-batch: one command. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import CommandSpec, hookimpl

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_commands() -> list[CommandSpec]:
    """`batch`."""
    return [
        CommandSpec(
            "batch",
            "Encode, decode or transcode a data set; goes on where it was stopped.",
            "gcodec_batch._command:command",
        )
    ]
