"""Options that come from plugins: ``gcodec encode --embed ntc --help`` shows those of `ntc`.

The command line is looked at twice: once for the names after ``--embed`` and ``--recon``, then, with the options of
those plugins added, in earnest. An option that several of the named plugins have means the same to each and is given
to each.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from gcodec.options import expected
from gcodec.plugin import Option

_TYPES: Mapping[type, Any] = {int: click.INT, float: click.FLOAT, str: click.STRING}

_ALL = "all"

#: Flag -> (registry attribute, words for help).
_FLAGS = {"--embed": ("embeddings", "embedding"), "--recon": ("reconstructors", "reconstructor")}


class PluginCommand(click.Command):
    """A command whose parameters depend on the plugins that its arguments name."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        command = copy.copy(self)
        command.params = [*self.params, *_plugin_params(self, args)]
        return click.Command.make_context(command, info_name, args, parent, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if isinstance(param, click.Option) and record is not None:
                groups.setdefault(getattr(param, "section", "Options"), []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


class _PluginOption(click.Option):
    """An option that stands under its plugin's heading in the help."""

    section: str


def names(text: str | None, installed: Iterable[str] = ()) -> list[str]:
    """Split "flow,ode" into names; "all" is every one of `installed`."""
    if (text or "").strip() == _ALL:
        return list(installed)
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def as_decorator(option: Option) -> Callable[[Any], Any]:
    """Return what gives a command a plugin's option, for one that means the same to all and needs none of them named."""

    def decorate(command: Any) -> Any:
        made = _as_click(option, "Options")
        return click.option(*made.opts, option.name, type=made.type, help=made.help)(command)

    return decorate


def options_of(spec: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the command line's plugin options that were given and that `spec` has."""
    return {
        option.name: values[option.name]
        for option in spec.options
        if values.get(option.name) is not None
    }


def as_arguments(spec: Any, values: Mapping[str, Any]) -> list[str]:
    """Return the command line that gives `values` to a plugin, for a process of its own."""
    given = options_of(spec, values)
    words = []
    for option in spec.options:
        if option.name not in given:
            continue
        value = given[option.name]
        if option.type is bool:
            words.append(_flag(option) if value else _flag(option).replace("--", "--no-", 1))
        else:
            words += [_flag(option), str(value)]
    return words


def _plugin_params(command: click.Command, args: Sequence[str]) -> list[click.Parameter]:
    """Return one click option for each option of the plugins named in `args`."""
    taken = {opt for param in command.params for opt in (*param.opts, *param.secondary_opts)}
    made: dict[str, _PluginOption] = {}
    for kind, name in _named(command, args):
        from gcodec.registry import registry

        spec = getattr(registry(), kind).get(name)
        for option in spec.options if spec else ():
            if _flag(option) not in taken and option.name not in made:
                made[option.name] = _as_click(option, f"Options of {name}")
    return list(made.values())


def _named(command: click.Command, args: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Find the plugins that the arguments name; where a flag is left out, its default counts."""
    for param in command.params:
        flag = next((opt for opt in param.opts if opt in _FLAGS), None)
        if flag is None:
            continue
        text = param.default if isinstance(param.default, str) else None
        for i, word in enumerate(args):
            if word in param.opts and i + 1 < len(args):
                text = args[i + 1]
            elif word.startswith(f"{flag}="):
                text = word.partition("=")[2]
        kind = _FLAGS[flag][0]
        yield from ((kind, name) for name in names(text, _installed(kind, text)))


def _installed(kind: str, text: str | None) -> Iterable[str]:
    if (text or "").strip() != _ALL:
        return ()
    from gcodec.registry import registry

    return list(getattr(registry(), kind))


def _flag(option: Option) -> str:
    return "--" + option.name.replace("_", "-")


def _as_click(option: Option, section: str) -> _PluginOption:
    flag = _flag(option)
    default = "none" if option.default == "" else option.default
    text = f"{option.help} [default: {default}; {expected(option)}]"
    if option.type is bool:
        names_ = [f"{flag}/{flag.replace('--', '--no-', 1)}", option.name]
        made = _PluginOption(names_, default=None, help=text)
    else:
        made = _PluginOption([flag, option.name], type=_TYPES[option.type], default=None, help=text)
    made.section = section
    return made
