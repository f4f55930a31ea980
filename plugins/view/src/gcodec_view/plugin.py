"""Specs of gcodec-view: its command. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import CommandSpec, hookimpl

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_commands() -> list[CommandSpec]:
    """`view`."""
    return [
        CommandSpec(
            "view",
            "Show files in the browser: the picture, and what every byte is for.",
            "gcodec_view._command:command",
        )
    ]
