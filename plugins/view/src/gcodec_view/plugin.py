"""Specs of gcodec-view: its commands. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import CommandSpec, hookimpl

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_commands() -> list[CommandSpec]:
    """`view`, `report` and `serve`."""
    return [
        CommandSpec(
            "view",
            "Show files in the browser: the picture, and what every byte is for.",
            "gcodec_view._command:command",
        ),
        CommandSpec(
            "report",
            "Put what mix or eval wrote on one page: pictures, bytes, curves.",
            "gcodec_view._report:command",
        ),
        CommandSpec(
            "serve",
            "Encode and decode pictures in the browser, on this machine.",
            "gcodec_view.serving.command:command",
        ),
    ]
