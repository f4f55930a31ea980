"""``gcodec plugins``."""

from __future__ import annotations

import click

from gcodec.cli.common import json_option, print_json, print_table


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List what installed plugins offer, and those that cannot be used with their error."""
    from gcodec.registry import kind_of, registry

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
                    "offers": [
                        {"kind": kind_of(s), "name": _name(s), "summary": s.summary}
                        for s in p.specs
                    ],
                }
                for p in plugins
            ]
        )
        return
    print_table(
        ("kind", "name", "from", "summary"),
        sorted(
            (kind_of(spec), _name(spec), f"{plugin.distribution} {plugin.version}", spec.summary)
            for plugin in plugins
            for spec in plugin.specs
        ),
    )
    for plugin in plugins:
        if plugin.error or plugin.warning:
            kind = "broken" if plugin.error else "slow"
            click.echo(
                f"{kind}: {plugin.name} ({plugin.distribution} {plugin.version}):"
                f" {plugin.error or plugin.warning}"
            )


def _name(spec: object) -> str:
    name = getattr(spec, "name", None)
    return name or f"{getattr(spec, 'source', '')} -> {getattr(spec, 'target', '')}"
