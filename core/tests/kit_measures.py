"""Metrics and commands, sound and with one flaw each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gcodec.errors import UsageError


def checked(one: Any, other: Any) -> float:
    """Mean absolute difference."""
    from gcodec.pictures import check_pictures

    check_pictures(one, other)
    return trusting(one, other)


def trusting(one: Any, other: Any) -> float:
    """The same of whatever it is given."""
    import numpy as np

    return float(np.abs(one.astype(np.float64) - other).mean())


def lopsided(one: Any, other: Any) -> float:
    """The same, where the original is the brighter: not symmetric."""
    return checked(one, other) + 0.1 * float((one - other).clip(0).mean())


class Number:
    """Of no use as a number."""


def numberless(one: Any, other: Any) -> Any:
    return Number()


@click.command()
@click.argument("words", nargs=-1)
def sound(words: tuple[str, ...]) -> None:
    """Count words.

    Raises what gcodec raises for none.
    """
    if not words:
        raise UsageError("give a word or more")
    click.echo(len(words))


@click.command()
@click.argument("words", nargs=-1)
def littering(words: tuple[str, ...]) -> None:
    """Leave something behind whatever happens.

    And fail.
    """
    Path("left.txt").write_text("something")
    raise UsageError("nothing works")


@click.command()
@click.argument("words", nargs=-1)
def defective(words: tuple[str, ...]) -> None:
    """Fail as only mistakes do.

    Always.
    """
    raise ZeroDivisionError("a mistake")


def no_command() -> None:
    """A function."""
