"""bash completes commands, options, plugins and files, by click's own script, as docs/doors.md says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from gcodec.cli import cli

#: Asks bash's own completion of the words, and prints what it would offer.
SCRIPT = """
eval "$(_GCODEC_COMPLETE=bash_source gcodec)"
compopt() { echo "the shell: $2"; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_gcodec_completion gcodec
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(tmp_path: Path, *words: str) -> Sequence[str]:
    command = tmp_path / "gcodec"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gcodec "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", SCRIPT, "bash", "gcodec", *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
    )
    assert not done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("words", "due"),
    [
        (["enc"], ["encode"]),
        (["do"], ["doctor"]),
        (["encode", "--emb"], ["--embed", "--embed-model"]),
        (["decode", "a.gcx", "--recon", "flow", "--ste"], ["--steps"]),
        (["decode", "a.gcx", "--recon", "prev"], ["preview"]),
        (["mix", "--embed", "webp,text_"], ["webp,text_sketch"]),
        (["encode", "pho"], ["the shell: default", ""]),
        (["decode", "a.gcx", "--companion", "b"], ["the shell: default", ""]),
        (["decode", "a.gcx", "--sign", "b"], ["the shell: default", ""]),
        (["batch", "encode", "a", "b", "--engine", "pro"], ["processes"]),
    ],
)
def test_bash_completes(tmp_path: Path, words: list[str], due: list[str]) -> None:
    found = offered(tmp_path, *words)
    assert set(found) <= set(due) and found[0] == due[0], found


#: How the help calls what is a file or a folder.
PLACES = re.compile(r"\b(FILE|FOLDER|IN|OUT|SOURCE|DEST)\b")


def parameters(
    command: click.Command, ctx: click.Context
) -> Iterator[tuple[click.Context, click.Parameter]]:
    """Every parameter of a command, and of those below it."""
    for name in command.list_commands(ctx) if isinstance(command, click.Group) else ():
        below = command.get_command(ctx, name)
        if below is not None:
            yield from parameters(below, click.Context(below, parent=ctx, info_name=name))
    yield from ((ctx, param) for param in command.get_params(ctx))


def test_wherever_a_file_is_asked_for_the_shell_offers_files() -> None:
    found = [
        (ctx.command_path, param.opts, [one.type for one in param.shell_complete(ctx, "x")])
        for ctx, param in parameters(cli, click.Context(cli, resilient_parsing=True))
        if PLACES.search(str(param.metavar))
    ]
    assert len(found) > 20
    assert not [one for one in found if one[2] not in (["file"], ["dir"])]
