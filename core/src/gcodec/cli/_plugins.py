"""``gcodec plugins``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gcodec.cli._words import one_line
from gcodec.cli.common import json_option, print_json, print_table

if TYPE_CHECKING:
    from gcodec.plugin import Spec
    from gcodec.registry import Plugin


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List what installed plugins offer, and what cannot be used, is switched off or refused, with the reason."""
    from gcodec.registry import DISABLE, kind_of, registry, switches_off

    plugins = registry().plugins
    if as_json:
        print_json(
            [
                {
                    "plugin": p.name,
                    "distribution": p.distribution,
                    "version": p.version,
                    "error": p.error or None,
                    "warning": p.warning or None,
                    "disabled": p.disabled,
                    "offers": [
                        {
                            "kind": kind_of(s),
                            "name": s.name,
                            "summary": _summary(s),
                            "missing": registry().missing(s) or None,
                        }
                        for s in p.specs
                    ],
                    "refused": [
                        {"kind": kind_of(r.spec), "name": r.spec.name, "reason": r.reason}
                        for r in p.refused
                    ],
                }
                for p in plugins
            ]
        )
        return
    print_table(
        ("kind", "name", "from", "summary"),
        sorted(
            (kind_of(spec), spec.name, f"{plugin.distribution} {plugin.version}", _summary(spec))
            for plugin in plugins
            for spec in plugin.specs
        ),
    )
    for plugin in plugins:
        for line in _remarks(plugin):
            click.echo(one_line(line))
    for word in filter(str.strip, os.environ.get(DISABLE, "").split(",")):
        if not switches_off(word, plugins):
            click.echo(one_line(f"{DISABLE}: nothing that can be switched off is called '{word}'"))


def _remarks(plugin: Plugin) -> Iterator[str]:
    """Yield a line for everything about a plugin that is not as its author meant it."""
    from gcodec.registry import kind_of, registry

    origin = f"{plugin.distribution} {plugin.version}"
    if plugin.disabled:
        yield f"switched off: {plugin.name} ({origin})"
    if plugin.error:
        yield f"broken: {plugin.name} ({origin}): {plugin.error}"
    if plugin.warning:
        yield f"slow: {plugin.name} ({origin}): {plugin.warning}"
    for spec in plugin.specs:
        if reason := registry().missing(spec):
            yield f"cannot be used: {kind_of(spec)} {spec.name} ({origin}): {reason}"
    for refused in plugin.refused:
        yield f"refused: {kind_of(refused.spec)} {refused.spec.name} ({origin}): {refused.reason}"


def _summary(spec: Spec) -> str:
    from gcodec.plugin import AdapterSpec

    way = f"{spec.source} -> {spec.target}: " if isinstance(spec, AdapterSpec) else ""
    return f"{way}{spec.summary}"
