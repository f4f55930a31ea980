"""bash completes commands, options, plugins and files, by click's own script, as docs/doors.md says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

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
    ],
)
def test_bash_completes(tmp_path: Path, words: list[str], due: list[str]) -> None:
    found = offered(tmp_path, *words)
    assert set(found) <= set(due) and found[0] == due[0], found
