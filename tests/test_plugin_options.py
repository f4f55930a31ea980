"""Names of options: those of commands are refused to plugins; and plugins that are installed use none of them."""

from __future__ import annotations

import inspect
from pathlib import Path

import click
import pytest

from gcodec.cli import cli, main
from gcodec.options import REALISM, RESERVED
from gcodec.pipeline.stage1 import open_stage1
from gcodec.signals import Text, by_type

COMMANDS = ("encode", "decode", "mix", "eval")
BATCH = ("encode", "decode", "transcode")


def owned(name: str) -> set[str]:
    """Every name that a command has for its options and arguments, on the command line and in Python."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return of(command)


def of(command: click.Command) -> set[str]:
    """The same of a command itself."""
    assert command.callback is not None
    flags = {flag for p in command.params for flag in (*p.opts, *p.secondary_opts)}
    values = inspect.signature(command.callback).parameters
    words = {p.name or "" for p in command.params} | flags | {*values}
    return {word.lstrip("-").replace("-", "_") for word in words}


def test_the_table_of_reserved_names_is_that_of_the_commands() -> None:
    found = {word for name in COMMANDS for word in owned(name)}
    batch = cli.get_command(click.Context(cli), "batch")
    assert isinstance(batch, click.Group) and sorted(batch.commands) == sorted(BATCH)
    found |= {word for command in batch.commands.values() for word in of(command)}
    found |= {word.lstrip("-") for word in cli.context_settings["help_option_names"]}
    assert found - {REALISM.name} == RESERVED


def test_text_may_hold_a_colon(crop: Path, tmp_path: Path) -> None:
    file = tmp_path / "said.gcx"
    words = [
        "encode",
        str(crop),
        "-o",
        str(file),
        "--embed",
        "text_sketch:colour=off:text=red: two",
    ]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    text = by_type(open_stage1(file.read_bytes()).signals())["text"]
    assert isinstance(text, Text) and text.value == "red: two"
