"""Runs commands of pages, all in one process, so that networks' libraries are imported once.

Reads lines of JSON: {"at": FOLDER, "words": [...]} runs `gcodec WORDS` there, {"at": FOLDER, "python": TEXT} a piece of
Python, {"options": [...]} tells which options such a command has. Answers each with a line: status, and what was printed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
import traceback
from typing import Any

import click

from gcodec.cli import cli, main


def run(words: list[str]) -> int:
    """Run the command and return its exit status."""
    try:
        main(words)
    except SystemExit as end:
        return int(end.code or 0)


def known(words: list[str]) -> list[str]:
    """Return the options of a command, those of the plugins that it names among them; KeyError if there is none."""
    parent = click.Context(cli, info_name="gcodec")
    command = cli.get_command(parent, words[0])
    if command is None:
        raise KeyError(words[0])
    rest = words[1:]
    while isinstance(command, click.Group):
        command, rest = command.commands[rest[0]], rest[1:]
    context = command.make_context(words[0], list(rest), parent, resilient_parsing=True)
    params = context.command.get_params(context)
    return [*(name for param in params for name in (*param.opts, *param.secondary_opts)), "--help"]


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Do what was asked; everything printed is part of the answer."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    begun = time.process_time()
    found: list[str] = []
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            if "options" in asked:
                found, status = known(asked["options"]), 0
            elif "python" in asked:
                os.chdir(asked["at"])
                exec(compile(asked["python"], "page", "exec"), {})
                status = 0
            else:
                os.chdir(asked["at"])
                status = run(asked["words"])
        except Exception:
            traceback.print_exc()
            status = 70
    text = printed.buffer.getvalue().decode("utf-8", "replace")
    seconds = time.process_time() - begun
    return {"status": status, "printed": text, "options": found, "seconds": seconds}


if __name__ == "__main__":
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=replies, flush=True)
