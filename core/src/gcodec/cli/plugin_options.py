"""Plugins named on the command line, and their options: ``gcodec encode --embed ntc --help`` shows those of `ntc`.

The command line is looked at twice: once for the names after ``--embed`` and ``--recon``, then, with the options of
those plugins added, in earnest. An option that several of the named plugins have means the same to each and is given
to each; ``flow:steps=4`` says it to one. A command gets what was named as values: plugin, options, label.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import click

from gcodec.errors import UsageError
from gcodec.options import check_options, expected, read_settings
from gcodec.plugin import EmbeddingSpec, Option, ReconstructorSpec, Spec

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["Named", "PluginCommand", "as_decorator", "names", "plugin_option"]

S = TypeVar("S", bound=EmbeddingSpec | ReconstructorSpec)

_TYPES: Mapping[type, Any] = {int: click.INT, float: click.FLOAT, str: click.STRING}
_SPECS: Mapping[str, type[EmbeddingSpec | ReconstructorSpec]] = {
    "--embed": EmbeddingSpec,
    "--recon": ReconstructorSpec,
    "--suggest": ReconstructorSpec,
    "--judge": ReconstructorSpec,
}
_ALL = "all"


@dataclass(frozen=True)
class Named(Generic[S]):
    """A plugin as the user names it: the options that are given to it, and `label`, e.g. "flow:steps=4"."""

    spec: S
    options: Mapping[str, Any]
    label: str


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

    def invoke(self, ctx: click.Context) -> Any:
        """Run with a `Named`, or a list of them, in the place of what names plugins, and without their options."""
        params = ctx.command.get_params(ctx)  # of the copy that `make_context` made
        values = {p.name: ctx.params.pop(p.name) for p in params if isinstance(p, _SettingOption)}
        for param in params:
            if isinstance(param, _NamingOption):
                ctx.params[param.name] = param.named(ctx.params[param.name], values)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if isinstance(param, click.Option) and record is not None:
                groups.setdefault(getattr(param, "section", "Options"), []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


class _SettingOption(click.Option):
    """An option of plugins, under the heading of the first that has it."""

    section: str


class _NamingOption(click.Option):
    """``--embed``, ``--recon``, ``--suggest`` or ``--judge``, of one plugin or of several with commas."""

    name: str

    def __init__(self, *args: Any, many: bool, **more: Any) -> None:
        super().__init__(*args, **more)
        self.many = many
        self.spec = _SPECS[self.opts[0]]

    def words(self, text: str | None) -> list[str]:
        """Split what the user said into one word for each plugin."""
        if not self.many:
            return [] if text is None else [text]
        from gcodec.registry import registry

        return names(text, registry().usable(self.spec) if text == _ALL else ())

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names that the last word may become."""
        from click.shell_completion import CompletionItem

        from gcodec.registry import registry

        before, comma, last = incomplete.rpartition(",") if self.many else ("", "", incomplete)
        found = sorted(name for name in registry().table(self.spec) if name.startswith(last))
        return [CompletionItem(f"{before}{comma}{name}") for name in found]

    def named(self, text: str | None, values: Mapping[str, Any]) -> Any:
        """Return what the user means; `values` are options for all that have them, and what a word says itself wins.

        Raises UnknownPlugin, UnusablePlugin, UnknownOption, InvalidOption, and UsageError where one is named twice.
        """
        if self.many and text == _ALL:
            _warn_of_missing(self.spec)
        found = [_named(self.spec, word, values) for word in self.words(text)]
        labels = [one.label for one in found]
        for label in labels:
            if labels.count(label) > 1:
                raise UsageError(f"{self.opts[0]} names {label} twice")
        if self.many and not found:
            raise UsageError(f"{self.opts[0]} names no plugin")
        return found if self.many else next(iter(found), None)


def _warn_of_missing(cls: type[EmbeddingSpec | ReconstructorSpec]) -> None:
    """Say which plugins `all` passes over."""
    from gcodec.registry import registry

    for name, spec in registry().table(cls).items():
        if reason := registry().missing(spec):
            warnings.warn(f"{name} is passed over: {reason}", stacklevel=2)


def plugin_option(
    flag: Literal["--embed", "--recon", "--suggest", "--judge"],
    help: str,
    default: str | None = None,
    many: bool = False,
) -> Callable[[Any], Any]:
    """Add an option that names one plugin, or `many`."""
    both = "; several with commas, or `all`" if many else ""
    text = f"{help}{both}. Its options may follow, as flow:steps=4, and win over flags."
    return click.option(
        flag,
        cls=_NamingOption,
        many=many,
        default=default,
        show_default=default is not None,
        help=text,
    )


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


def _named(cls: type[Spec], word: str, values: Mapping[str, Any]) -> Named[Any]:
    from gcodec.registry import registry

    name, *pieces = word.split(":")
    spec: Any = registry().named(cls, name)
    settings = _joined(spec.options, pieces)
    of_all = {o.name: values[o.name] for o in spec.options if values.get(o.name) is not None}
    options = of_all | read_settings(name, spec.options, settings)
    check_options(name, spec.options, options)
    return Named(spec, options, word)


def _joined(options: Sequence[Option], pieces: Sequence[str]) -> list[str]:
    """Return the settings in what stood between colons: text may hold some, as in "channel=trellis:memory=12"."""
    known = {option.name: option for option in options}
    settings: list[str] = []
    for piece in pieces:
        before = known.get(settings[-1].partition("=")[0]) if settings else None
        text = before is not None and before.type is str and not before.choices
        if text and piece.partition("=")[0].replace("-", "_") not in known:
            settings[-1] += f":{piece}"
        else:
            settings.append(piece)
    return settings


def _plugin_params(command: click.Command, args: Sequence[str]) -> list[click.Parameter]:
    """Return one click option for each option of the plugins named in `args`."""
    taken = {opt for param in command.params for opt in (*param.opts, *param.secondary_opts)}
    made: dict[str, _SettingOption] = {}
    for cls, name in _mentioned(command, args):
        from gcodec.registry import registry

        spec = registry().table(cls).get(name)
        for option in getattr(spec, "options", ()):
            if option.flag not in taken and option.name not in made:
                made[option.name] = _as_click(option, f"Options of {name}")
    return list(made.values())


def _mentioned(command: click.Command, args: Sequence[str]) -> Iterable[tuple[type[Spec], str]]:
    """Find the plugins that the arguments name; where a flag is left out, its default counts."""
    for param in command.params:
        if not isinstance(param, _NamingOption):
            continue
        text = param.default if isinstance(param.default, str) else None
        for i, word in enumerate(args):
            if word in param.opts and i + 1 < len(args):
                text = args[i + 1]
            elif word.startswith(f"{param.opts[0]}="):
                text = word.partition("=")[2]
        yield from ((param.spec, word.partition(":")[0]) for word in param.words(text))


def _as_click(option: Option, section: str) -> _SettingOption:
    flag = option.flag
    default = "none" if option.default == "" else option.default
    text = f"{option.help} [default: {default}; {expected(option)}]"
    if option.type is bool:
        names_ = [f"{flag}/{flag.replace('--', '--no-', 1)}", option.name]
        made = _SettingOption(names_, default=None, help=text)
    else:
        made = _SettingOption(
            [flag, option.name], type=_TYPES[option.type], default=None, help=text
        )
    made.section = section
    return made
