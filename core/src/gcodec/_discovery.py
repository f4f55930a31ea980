"""Finding plugins: each entry point of the group ``gcodec`` loaded by itself, so that none can break another.

pluggy's own entry-point loader stops at the first plugin that fails to import; here each is loaded under guard, and what it
returns is checked before anyone else sees it. What went wrong is kept and shown by ``gcodec plugins``.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from importlib.metadata import (
    EntryPoint,
    PackageNotFoundError,
    distributions,
    entry_points,
    requires,
)
from types import SimpleNamespace
from typing import Any, Protocol

import pluggy

from gcodec._claims import Offer, normal, refusals
from gcodec._flaws import flaw_of, short
from gcodec.errors import GcodecError
from gcodec.plugin import INTERFACE, SPECS, Spec

__all__ = [
    "DISABLE",
    "GROUP",
    "NEEDS_TORCH",
    "Plugin",
    "Refused",
    "aside",
    "discover",
    "needed",
    "one_line",
    "switches_off",
]

GROUP = "gcodec"

#: Environment variable: distributions, plugins, or DISTRIBUTION:SPEC, separated by commas, that are switched off.
DISABLE = "GCODEC_DISABLE"

#: Why a spec that the user has switched off does not count.
_OFF = "switched off"

#: A plugin whose light module takes longer than this to import is shown as slow: it delays every command.
SLOW_SECONDS = 0.1


@dataclass(frozen=True)
class Refused:
    """A spec that a plugin offers and that does not count, and why."""

    spec: Spec
    reason: str


@dataclass(frozen=True)
class Plugin:
    """One entry point and what came of it.

    name, distribution, version  as installed.
    specs    what it offers; empty where it failed or is switched off.
    refused  what it offers and nobody gets from it.
    error    one line why it cannot be used, or "".
    warning  one line on something that works and should be mended, or "".
    seconds  how long its module took to import.
    disabled whether the user has switched it off.
    """

    name: str
    distribution: str
    version: str
    specs: tuple[Spec, ...] = ()
    refused: tuple[Refused, ...] = ()
    error: str = ""
    warning: str = ""
    seconds: float = 0.0
    disabled: bool = False


class Given(Protocol):
    """Something with hooks that stands as a plugin without being installed."""

    @property
    def name(self) -> str: ...
    @property
    def module(self) -> Any: ...


#: What `gcodec.register` has registered in this process; of one name the last counts.
GIVEN: list[Given] = []

#: Version of such a plugin.
REGISTERED = "registered"


def discover(found: Iterable[EntryPoint] | None = None) -> tuple[Plugin, ...]:
    """Load every entry point of the group and what is `GIVEN`, or those `found`; settle whose each name is."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(_hookspecs())
    points, unreadable = _entry_points() if found is None else (list(found), [])
    off = {normal(word.strip()) for word in os.environ.get(DISABLE, "").split(",") if word.strip()}
    plugins = [_load(p, manager, off) for p in sorted(points, key=lambda p: p.name)] + unreadable
    if found is None:
        for name, module in {given.name: given.module for given in GIVEN}.items():
            plugins.append(_collected(Plugin(name, name, REGISTERED), module, manager))
    return _settled(plugins, off)


def _entry_points() -> tuple[list[EntryPoint], list[Plugin]]:
    """Return all entry points, and distributions whose list of them cannot be read: that of one would end the search."""
    try:
        return list(entry_points(group=GROUP)), []
    except Exception:
        points: list[EntryPoint] = []
        unreadable = []
        for dist in distributions():
            try:
                points += [point for point in dist.entry_points if point.group == GROUP]
            except Exception as error:
                name = dist.name or "?"
                reason = f"its entry_points.txt cannot be read: {one_line(error)}"
                unreadable.append(Plugin(name, name, dist.version or "?", error=reason))
        return list({(p.name, p.value): p for p in points}.values()), unreadable


@contextmanager
def aside() -> Iterator[None]:
    """Lead what a plugin prints to standard error: on standard output it would stand in the midst of data."""
    with redirect_stdout(sys.stderr):
        yield


def switches_off(word: str, plugins: Iterable[Plugin]) -> bool:
    """Whether a word of `DISABLE` switched something off."""
    off = normal(word.strip())
    return any(
        (p.disabled and off in (normal(p.name), normal(p.distribution)))
        or any(
            r.reason == _OFF and off == normal(f"{p.distribution}:{r.spec.name}") for r in p.refused
        )
        for p in plugins
    )


def _settled(plugins: list[Plugin], off: set[str]) -> tuple[Plugin, ...]:
    """Return the plugins without the specs that are not theirs to offer, or that the user has switched off."""
    on = [[s for s in p.specs if normal(f"{p.distribution}:{s.name}") not in off] for p in plugins]
    offers = [Offer(p.distribution, s) for p, specs in zip(plugins, on, strict=True) for s in specs]
    reasons = iter(refusals(offers))
    settled = []
    for plugin, specs in zip(plugins, on, strict=True):
        judged = [(spec, next(reasons)) for spec in specs]
        refused = [Refused(spec, reason) for spec, reason in judged if reason]
        switched = [Refused(s, _OFF) for s in plugin.specs if s not in specs]
        counting = tuple(spec for spec, reason in judged if not reason)
        settled.append(
            replace(plugin, specs=counting, refused=(*plugin.refused, *refused, *switched))
        )
    return tuple(settled)


def _load(point: EntryPoint, manager: pluggy.PluginManager, off: set[str]) -> Plugin:
    distribution, version = _about(point)
    plugin = Plugin(point.name, distribution, version)
    if {normal(point.name), normal(distribution)} & off and normal(distribution) != GROUP:
        return replace(plugin, disabled=True)
    start = time.perf_counter()
    # A plugin may fail in any way at all, SystemExit included; the others must not notice.
    try:
        with aside():
            module = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return replace(plugin, error=_older(point) or one_line(error))
    seconds = time.perf_counter() - start
    warning = f"takes {seconds:.1f} s to import" if seconds > SLOW_SECONDS else ""
    return _collected(replace(plugin, warning=warning, seconds=seconds), module, manager)


def _about(point: EntryPoint) -> tuple[str, str]:
    """Return name and version of an entry point's distribution, "?" where they are not to be had.

    Not by `Distribution.metadata`, which reads the whole of it as a mail, long description and all: 1 ms each.
    """
    try:
        text = (point.dist and point.dist.read_text("METADATA")) or ""
    except (OSError, ValueError):
        text = ""
    head = dict(
        line.split(": ", 1) for line in text.partition("\n\n")[0].splitlines() if ": " in line
    )
    # Those without a name are told apart by their modules: one distribution of them all would be one owner.
    name = head.get("Name", "").strip() or f"?{point.value.partition(':')[0]}"
    return name, head.get("Version", "?").strip()


def _collected(plugin: Plugin, module: Any, manager: pluggy.PluginManager) -> Plugin:
    """Return the plugin with what its hooks return; one whose name no file can hold loses the spec, not the others."""
    try:
        with aside():
            _check_interface(getattr(module, "GCODEC_INTERFACE", None))
            specs = list(_collect(module, manager))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return replace(plugin, error=str(error) if type(error) is _Misfit else one_line(error))
    if not specs:
        return replace(plugin, error=_why_empty(module))
    flaws = [(spec, flaw_of(spec)) for spec in specs]
    return replace(
        plugin,
        specs=tuple(spec for spec, flaw in flaws if not flaw),
        refused=tuple(Refused(spec, flaw) for spec, flaw in flaws if flaw),
    )


class _Misfit(GcodecError):
    """A plugin that is not made as this interface wants it; the text says what to do."""


def _check_interface(version: object) -> None:
    if version is None:
        raise _Misfit(
            f"says no interface number; write GCODEC_INTERFACE = {INTERFACE} into its module"
        )
    if version != INTERFACE:
        raise _Misfit(
            f"made for plugin interface {version}, this is {INTERFACE}; install matching versions"
        )


def _older(point: EntryPoint) -> str:
    """Say so where a module that cannot be imported was written for another interface, whose names are gone here."""
    import re
    from importlib.util import find_spec
    from pathlib import Path

    try:
        spec = find_spec(point.module)
        text = Path(spec.origin or "").read_text("utf-8") if spec else ""
    except (Exception, SystemExit):
        return ""
    written = re.search(r"^GCODEC_INTERFACE\s*=\s*(\d+)\b", text, re.MULTILINE)
    if written is None or int(written[1]) == INTERFACE:
        return ""
    return f"made for plugin interface {written[1]}, this is {INTERFACE}; install matching versions"


def _hookspecs() -> Any:
    """One hook for each kind of spec."""

    def hook() -> list[Spec]:  # type: ignore[empty-body]
        """Return the specs of one kind that this plugin offers."""

    mark = pluggy.HookspecMarker(GROUP)
    return type("Hooks", (), {_hook(kind): staticmethod(mark(_copy(hook))) for kind in SPECS})


def _copy(function: Any) -> Any:
    from types import FunctionType

    return FunctionType(function.__code__, function.__globals__, function.__name__)


def _hook(kind: str) -> str:
    return f"gcodec_{kind}s"


def _collect(module: Any, manager: pluggy.PluginManager) -> Iterator[Spec]:
    """Call the hooks of one module."""
    # pluggy looks into everything that it is given, and a module holds whatever it has imported.
    hooks = SimpleNamespace(**{n: getattr(module, n) for n in dir(module) if n.startswith(GROUP)})
    manager.register(hooks)
    try:
        manager.check_pending()
    except BaseException:
        manager.unregister(hooks)
        raise
    for kind, cls in SPECS.items():
        hook = getattr(manager.hook, _hook(kind))
        for made in (i.function() for i in hook.get_hookimpls() if i.plugin is hooks):
            if isinstance(made, tuple(SPECS.values())):
                raise _Misfit(f"{_hook(kind)} returned one spec; return a list of them")
            if not isinstance(made, (list, tuple)):
                raise _Misfit(
                    f"{_hook(kind)} returned {short(made)}; return a list of {cls.__name__}"
                )
            for spec in made:
                if type(spec) is not cls:
                    raise _Misfit(
                        f"{_hook(kind)} returned {short(spec)} where {cls.__name__} is due"
                    )
                yield spec


def _why_empty(module: Any) -> str:
    """Say what to do about a module that offers nothing."""
    hooks = [_hook(kind) for kind in SPECS]
    forgotten = [name for name in hooks if callable(getattr(module, name, None))]
    unmarked = [name for name in forgotten if not hasattr(getattr(module, name), "gcodec_impl")]
    if unmarked:
        return f"offers nothing: {' and '.join(unmarked)} lacks the mark @gcodec.plugin.hookimpl"
    if forgotten:
        return f"offers nothing: {' and '.join(forgotten)} returned an empty list"
    return f"offers nothing: it has none of the hooks {', '.join(hooks)}"


def one_line(error: BaseException) -> str:
    """Return what went wrong in one line: the class, and its text."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""  # a text that cannot be had is no reason to have none of the others
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


#: What is said where torch is wanted and not installed.
NEEDS_TORCH = 'it needs torch: pip install "gcodec[torch]"'


def needed(error: BaseException, *distributions: str) -> str:
    """Say what to install where `error` is the import of a package that one of these, or gcodec, asks for; "" of others."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    if error.name == "torch":
        return NEEDS_TORCH
    for name in (*distributions, "gcodec"):
        with suppress(PackageNotFoundError):
            for asked in requires(name) or ():
                package = re.split(r"[^\w.-]", asked, maxsplit=1)[0]
                if package.replace("-", "_").lower() == error.name.lower():
                    return f"it needs {package}, which is not installed: pip install {package}"
    return ""
