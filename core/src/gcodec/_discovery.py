"""Finding plugins: each entry point of the group ``gcodec`` loaded by itself, so that none can break another.

pluggy's own entry-point loader stops at the first plugin that fails to import; here each is loaded under guard, and what it
returns is checked before anyone else sees it. What went wrong is kept and shown by ``gcodec plugins``.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from types import SimpleNamespace
from typing import Any, Protocol

import pluggy

from gcodec._claims import Offer, kind_of, normal, refusals
from gcodec.errors import GcodecError
from gcodec.options import RESERVED, Option
from gcodec.plugin import (
    INTERFACE,
    SPECS,
    AdapterSpec,
    ChannelSpec,
    Codes,
    EmbeddingSpec,
    ModelSpec,
    Place,
    ReconstructorSpec,
    SignalSpec,
    Spec,
)

__all__ = ["DISABLE", "GROUP", "Plugin", "Refused", "discover", "one_line", "switches_off"]

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
    points = entry_points(group=GROUP) if found is None else found
    off = {normal(word.strip()) for word in os.environ.get(DISABLE, "").split(",") if word.strip()}
    plugins = [_load(p, manager, off) for p in sorted(points, key=lambda p: p.name)]
    if found is None:
        for name, module in {given.name: given.module for given in GIVEN}.items():
            plugins.append(_collected(Plugin(name, name, REGISTERED), module, manager))
    return _settled(plugins, off)


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
        module = point.load()
    except (Exception, SystemExit) as error:
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
    return head.get("Name", "?").strip(), head.get("Version", "?").strip()


def _collected(plugin: Plugin, module: Any, manager: pluggy.PluginManager) -> Plugin:
    """Return the plugin with what its hooks return; one whose name no file can hold loses the spec, not the others."""
    try:
        _check_interface(getattr(module, "GCODEC_INTERFACE", None))
        specs = list(_collect(module, manager))
    except (Exception, SystemExit) as error:
        return replace(plugin, error=str(error) if type(error) is _Misfit else one_line(error))
    if not specs:
        return replace(plugin, error=_why_empty(module))
    flaws = [(spec, _flaw(spec)) for spec in specs]
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
                    f"{_hook(kind)} returned {_short(made)}; return a list of {cls.__name__}"
                )
            for spec in made:
                if type(spec) is not cls:
                    raise _Misfit(
                        f"{_hook(kind)} returned {_short(spec)} where {cls.__name__} is due"
                    )
                yield spec


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"


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


def _flaw(spec: Spec) -> str:
    """Return what is wrong with a spec by itself, or ""."""
    kind = kind_of(spec)
    for field in ("name", "implementation"):
        if getattr(spec, field, "x") == "":
            return f"{kind} without {field}"
    if isinstance(spec, (EmbeddingSpec, ReconstructorSpec, ChannelSpec)):
        # Options of channels stand in the value of another option, not on the command line.
        owned = frozenset[str]() if kind == "channel" else RESERVED
        flaw = _option_flaw(spec.options, f"of {kind} '{spec.name}'", owned)
        if flaw:
            return flaw
    if not _readable(spec):
        return f"{kind} '{spec.name}' has types, a cost or a place that are none; see gcodec.plugin.{type(spec).__name__}"
    if isinstance(spec, SignalSpec):
        from gcodec.signals import KINDS, kind_and_space

        if spec.name not in KINDS and ("/" not in spec.name or kind_and_space(spec.name)[1]):
            return f"signal '{spec.name}' is not called vendor/kind, or after a kind of the core"
    if isinstance(spec, EmbeddingSpec) and (spec.id is None or spec.package):
        import gcodec_formats as gcx
        from gcodec_formats import registry as numbers

        name = spec.name if spec.id is None else None
        package: dict[int, object] = {numbers.PACKAGE: spec.package} if spec.package else {}
        try:
            identity = gcx.Identity(id=spec.id, name=name, profile=1)
            header = gcx.Header(identity, gcx.Size(1, 1), package)
            gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, b"")]))
        except (gcx.FormatError, ValueError) as error:
            return str(error)
    if isinstance(spec, ChannelSpec):
        import gcodec_formats as gcx

        try:
            if spec.id is None:
                gcx.check_name(spec.name, kind)
        except gcx.FormatError as error:
            return str(error)
        if spec.id is not None and gcx.registry.channel(spec.id) is None:
            return f"channel number {spec.id} is registered to nobody; leave it out, and the name travels"
    return ""


def _readable(spec: Spec) -> bool:
    """Whether what is read of a spec to find paths is what it should be: one that is not would end every search."""
    if isinstance(spec, EmbeddingSpec):
        return _texts(spec.makes) and spec.one_of in range(len(spec.makes) + 1)
    if isinstance(spec, ReconstructorSpec):
        return isinstance(spec.needs, tuple) and all(map(_texts, (*spec.needs, spec.uses)))
    if isinstance(spec, AdapterSpec):
        texts = (spec.source, spec.target, spec.model or "-", spec.implementation, spec.summary)
        return _texts(texts) and isinstance(spec.cost, int | float) and 1 <= spec.cost < math.inf
    if isinstance(spec, ModelSpec) and spec.place is not None:
        place: Any = spec.place
        return (
            isinstance(place, Place)
            and _texts((place.space, place.autoencoder, place.denoiser or "-"))
            and isinstance(place.codebooks, tuple)
            and all(isinstance(c, Codes) and _texts((c.name, c.model)) for c in place.codebooks)
        )
    return True


def _texts(values: object) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, str) for value in values)


def _option_flaw(options: object, whose: str, owned: frozenset[str]) -> str:
    """Return what is wrong with the options of a spec, none of which is called as one of those `owned`, or ""."""
    if not isinstance(options, tuple) or not all(isinstance(option, Option) for option in options):
        return f"options {whose} are no tuple of Option"
    for option in options:
        if not (isinstance(option.name, str) and option.name.isidentifier()):
            return f"an option {whose} is called {_short(option.name)}, which is no name"
        if option.name in owned:
            return f"option '{option.name}' {whose} is the command line's own; call it otherwise"
        if option.type not in (bool, int, float, str):
            return f"option '{option.name}' {whose} is of {_short(option.type)}, not bool, int, float or str"
    return ""


def one_line(error: BaseException) -> str:
    """Return what went wrong in one line: the class, and its text."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
