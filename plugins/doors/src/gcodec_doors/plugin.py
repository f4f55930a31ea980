"""Specs of gcodec-doors: one command. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import CommandSpec, hookimpl

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_commands() -> list[CommandSpec]:
    """`doctor`."""
    return [
        CommandSpec(
            "doctor",
            "Say what is installed, what is missing and what is wrong.",
            "gcodec_doors._command:command",
        )
    ]
