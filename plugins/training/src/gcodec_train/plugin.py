"""Specs of gcodec-train: its commands. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import CommandSpec, hookimpl

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_commands() -> list[CommandSpec]:
    """`train` and `train-data`."""
    return [
        CommandSpec(
            "train",
            "Train a model from a recipe, or go on training it.",
            "gcodec_train._command:command",
        ),
        CommandSpec(
            "train-data",
            "Make a set of training photographs small enough to take along.",
            "gcodec_train._data_command:command",
        ),
    ]
