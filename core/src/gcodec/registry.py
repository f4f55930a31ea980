"""The registry: every installed plugin, each loaded by itself, so that none can break another.

pluggy's own entry-point loader stops at the first plugin that fails to import; here each entry point of the group
``gcodec`` is loaded under guard, checked, and only then registered with pluggy. What went wrong is kept and shown by
``gcodec plugins``.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import pluggy

from gcodec.errors import UnknownPlugin, UnusablePlugin
from gcodec.plugin import (
    INTERFACE,
    AdapterSpec,
    EmbeddingSpec,
    ModelSpec,
    NetworkSpec,
    ReconstructorSpec,
    TrainerSpec,
)

__all__ = ["GROUP", "Plugin", "Registry", "kind_of", "load_object", "registered", "registry"]

GROUP = "gcodec"

#: A plugin whose light module takes longer than this to import is shown as slow: it delays every command.
SLOW_SECONDS = 0.1

Kind = Literal["embedding", "reconstructor", "adapter", "model", "trainer", "network"]
Spec: TypeAlias = (
    EmbeddingSpec | ReconstructorSpec | AdapterSpec | ModelSpec | TrainerSpec | NetworkSpec
)

_SPECS: Mapping[Kind, type] = {
    "embedding": EmbeddingSpec,
    "reconstructor": ReconstructorSpec,
    "adapter": AdapterSpec,
    "model": ModelSpec,
    "trainer": TrainerSpec,
    "network": NetworkSpec,
}

if TYPE_CHECKING:
    from gcodec_formats.registry import Embedding as EmbeddingRow
    from gcodec_formats.registry import Reconstructor as ReconstructorRow

    Row: TypeAlias = EmbeddingRow | ReconstructorRow

_hookspec = pluggy.HookspecMarker(GROUP)


class _Hooks:
    @_hookspec
    def gcodec_embeddings(self) -> list[EmbeddingSpec]:  # type: ignore[empty-body]
        """Return the embeddings of this plugin."""

    @_hookspec
    def gcodec_reconstructors(self) -> list[ReconstructorSpec]:  # type: ignore[empty-body]
        """Return the reconstructors of this plugin."""

    @_hookspec
    def gcodec_adapters(self) -> list[AdapterSpec]:  # type: ignore[empty-body]
        """Return the adapters of this plugin."""

    @_hookspec
    def gcodec_models(self) -> list[ModelSpec]:  # type: ignore[empty-body]
        """Return the models that this distribution carries."""

    @_hookspec
    def gcodec_trainers(self) -> list[TrainerSpec]:  # type: ignore[empty-body]
        """Return what this plugin can train."""

    @_hookspec
    def gcodec_networks(self) -> list[NetworkSpec]:  # type: ignore[empty-body]
        """Return the classes of networks that this plugin can open."""


@dataclass(frozen=True)
class Plugin:
    """One entry point and what came of it.

    name, distribution, version  as installed.
    specs    what it offers; empty where it failed.
    error    one line why it cannot be used, or "".
    warning  one line on something that works and should be mended, or "".
    seconds  how long its module took to import.
    """

    name: str
    distribution: str
    version: str
    specs: tuple[Spec, ...] = ()
    error: str = ""
    warning: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Registry:
    """Everything that installed plugins offer, by name; `everywhere` are the adapters for every space ("noisy/*")."""

    plugins: tuple[Plugin, ...]
    embeddings: Mapping[str, EmbeddingSpec]
    reconstructors: Mapping[str, ReconstructorSpec]
    adapters: tuple[AdapterSpec, ...]
    models: Mapping[str, ModelSpec]
    trainers: Mapping[str, TrainerSpec]
    networks: Mapping[str, NetworkSpec]
    everywhere: tuple[AdapterSpec, ...] = ()

    @classmethod
    def discover(cls, found: Iterable[EntryPoint] | None = None) -> Registry:
        """Load every entry point of the group, or those given."""
        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(_Hooks)
        points = entry_points(group=GROUP) if found is None else found
        owners: dict[tuple[str, str], str] = {}
        plugins = tuple(
            _load(point, manager, owners) for point in sorted(points, key=lambda p: p.name)
        )
        specs = [spec for plugin in plugins for spec in plugin.specs]
        adapters = [s for s in specs if isinstance(s, AdapterSpec)]
        return cls(
            plugins,
            {s.name: s for s in specs if isinstance(s, EmbeddingSpec)},
            {s.name: s for s in specs if isinstance(s, ReconstructorSpec)},
            tuple(a for a in adapters if not _everywhere(a)),
            {s.name: s for s in specs if isinstance(s, ModelSpec)},
            {s.name: s for s in specs if isinstance(s, TrainerSpec)},
            {s.name: s for s in specs if isinstance(s, NetworkSpec)},
            tuple(a for a in adapters if _everywhere(a)),
        )

    def embedding(self, name: str) -> EmbeddingSpec:
        """Return the embedding called `name`. Raises UnknownPlugin or UnusablePlugin."""
        return cast(EmbeddingSpec, self._named("embedding", name, self.embeddings))

    def reconstructor(self, name: str) -> ReconstructorSpec:
        """Return the reconstructor called `name`. Raises UnknownPlugin or UnusablePlugin."""
        return cast(ReconstructorSpec, self._named("reconstructor", name, self.reconstructors))

    def trainer(self, name: str) -> TrainerSpec:
        """Return the trainer called `name`. Raises UnknownPlugin or UnusablePlugin."""
        return cast(TrainerSpec, self._named("trainer", name, self.trainers))

    def embedding_by_id(self, number: int) -> EmbeddingSpec:
        """Return the installed embedding with a registered number. Raises UnknownPlugin naming the package."""
        from gcodec_formats import registry as numbers

        for spec in self.embeddings.values():
            if spec.id == number:
                return spec
        entry = numbers.embedding(number)
        if entry is None:
            raise UnknownPlugin("embedding", f"number {number}")
        return cast(EmbeddingSpec, self._named("embedding", entry.name, {}))

    def _named(self, kind: str, name: str, table: Mapping[str, Any]) -> Any:
        if name in table:
            return table[name]
        row = registered(kind, name)
        package = row.package if row else None
        for plugin in self.plugins:
            if plugin.error and (plugin.name == name or plugin.distribution == package):
                raise UnusablePlugin(name, f"{plugin.distribution}: {plugin.error}")
        similar = difflib.get_close_matches(name, table)
        published = row is not None and row.status == "published"
        raise UnknownPlugin(kind, name, similar=similar, package=package, published=published)


@cache
def registry() -> Registry:
    """Return the registry of this installation, discovered once a process."""
    return Registry.discover()


def load_object(owner: str, path: str) -> Any:
    """Import the implementation that a spec names ("package.module:Name").

    Raises UnusablePlugin: whatever the module does wrong is that plugin's failure, told in one line.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except Exception as error:
        raise UnusablePlugin(owner, f"importing {path} failed: {_one_line(error)}") from error


def kind_of(spec: Spec) -> Kind:
    """Return what a spec describes."""
    return next(kind for kind, cls in _SPECS.items() if isinstance(spec, cls))


def _load(
    point: EntryPoint, manager: pluggy.PluginManager, owners: dict[tuple[str, str], str]
) -> Plugin:
    distribution = point.dist.name if point.dist else "?"
    version = point.dist.version if point.dist else "?"
    start = time.perf_counter()
    try:
        module = point.load()
        seconds = time.perf_counter() - start
        specs = _collect(module)
        _check(specs, distribution, owners)
        manager.register(module, f"{distribution}:{point.name}")
    # A plugin may fail in any way at all, SystemExit included; the others must not notice.
    except (Exception, SystemExit) as error:
        return Plugin(point.name, distribution, version, error=_one_line(error))
    owners |= {key: distribution for spec in specs for key in _keys(spec)}
    warning = f"takes {seconds:.1f} s to import" if seconds > SLOW_SECONDS else ""
    return Plugin(point.name, distribution, version, specs, "", warning, seconds)


def _collect(module: Any) -> tuple[Spec, ...]:
    """Call a plugin's hooks on a manager of its own: what they return is checked before anyone else sees it."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(_Hooks)
    manager.register(module)
    manager.check_pending()
    hooks = (
        manager.hook.gcodec_embeddings,
        manager.hook.gcodec_reconstructors,
        manager.hook.gcodec_adapters,
        manager.hook.gcodec_models,
        manager.hook.gcodec_trainers,
        manager.hook.gcodec_networks,
    )
    found: list[Spec] = []
    for hook, kind in zip(hooks, _SPECS.values(), strict=True):
        for specs in hook():
            for spec in specs:
                if not isinstance(spec, kind):
                    raise TypeError(f"a hook returned {spec!r} where {kind.__name__} is due")
                found.append(cast(Spec, spec))
    return tuple(found)


def _check(
    specs: tuple[Spec, ...], distribution: str, owners: Mapping[tuple[str, str], str]
) -> None:
    """Refuse a plugin as a whole before anything of it is registered."""
    seen: dict[tuple[str, str], str] = dict(owners)
    for spec in specs:
        version = getattr(spec, "interface", INTERFACE)
        if version != INTERFACE:
            raise ValueError(
                f"made for plugin interface {version}, this is {INTERFACE}; install matching versions"
            )
        for field in fields(spec):
            if field.name in ("name", "implementation") and not getattr(spec, field.name):
                raise ValueError(f"a spec without {field.name}: {spec!r}")
        if isinstance(spec, EmbeddingSpec) and spec.id is None:
            _check_spelled_out(spec.name)
        for key in _keys(spec):
            if key in seen:
                raise ValueError(
                    f"{key[0]} '{key[1]}' of {distribution} is already supplied by {seen[key]};"
                    " uninstall one of them"
                )
            seen[key] = distribution


def _check_spelled_out(name: str) -> None:
    """Refuse a name that cannot travel in a file. Raises gcodec_formats.errors.BadName."""
    from gcodec_formats import Identity, pack_companion

    pack_companion(Identity(name=name, profile=1), b"")


def _keys(spec: Spec) -> list[tuple[str, str]]:
    """Return what must be unique about a spec: its name, and an embedding's registered number."""
    kind = kind_of(spec)
    if isinstance(spec, AdapterSpec):
        return [(kind, f"{spec.source} -> {spec.target} by {spec.implementation}")]
    if isinstance(spec, EmbeddingSpec) and spec.id is not None:
        return [(kind, spec.name), ("embedding number", str(spec.id))]
    return [(kind, spec.name)]


def registered(kind: str, name: str) -> Row | None:
    """Return the row of a name in the registry of spec/REGISTRY.md, or None."""
    from gcodec_formats import registry as numbers

    if kind == "embedding":
        return numbers.embedding(name)
    return numbers.reconstructor(name) if kind == "reconstructor" else None


def _everywhere(adapter: AdapterSpec) -> bool:
    return "*" in adapter.source or "*" in adapter.target


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
