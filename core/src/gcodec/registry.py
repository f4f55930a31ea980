"""The registry: everything that installed plugins offer, by kind and name.

Plugins are found and loaded by `gcodec._discovery`; whose a name is, is settled by `gcodec._claims`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import Any, TypeVar

from gcodec._claims import kind_of, normal
from gcodec._discovery import (
    DISABLE,
    GROUP,
    Plugin,
    aside,
    discover,
    needed,
    one_line,
    switches_off,
)
from gcodec.errors import UnknownPlugin, UnusablePlugin
from gcodec.options import check_kinds
from gcodec.plugin import (
    SPECS,
    AdapterSpec,
    ChannelSpec,
    CommandSpec,
    EmbeddingSpec,
    MetricSpec,
    ModelSpec,
    NetworkSpec,
    ReconstructorSpec,
    SignalSpec,
    Spec,
    TrainerSpec,
)

__all__ = [
    "DISABLE",
    "GROUP",
    "Plugin",
    "Registry",
    "kind_of",
    "load_object",
    "one_line",
    "registry",
    "switches_off",
]

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class Registry:
    """What plugins offer: tables of specs by name, one for each kind, and `named` for whoever asks for one."""

    plugins: tuple[Plugin, ...]

    @classmethod
    def discover(cls, found: Iterable[EntryPoint] | None = None) -> Registry:
        """Load every entry point of the group and what was registered, or those `found`."""
        return cls(discover(found))

    @cached_property
    def _tables(self) -> Mapping[type, dict[str, Any]]:
        tables: dict[type, dict[str, Any]] = {cls: {} for cls in SPECS.values()}
        for plugin in self.plugins:
            for spec in plugin.specs:
                tables[type(spec)][spec.name] = spec
        return tables

    def table(self, cls: type[S]) -> Mapping[str, S]:
        """Return the specs of a class by name."""
        return self._tables[cls]

    @property
    def embeddings(self) -> Mapping[str, EmbeddingSpec]:
        return self.table(EmbeddingSpec)

    @property
    def reconstructors(self) -> Mapping[str, ReconstructorSpec]:
        return self.table(ReconstructorSpec)

    @property
    def adapters(self) -> Mapping[str, AdapterSpec]:
        return self.table(AdapterSpec)

    @property
    def signals(self) -> Mapping[str, SignalSpec]:
        return self.table(SignalSpec)

    @property
    def channels(self) -> Mapping[str, ChannelSpec]:
        return self.table(ChannelSpec)

    @property
    def models(self) -> Mapping[str, ModelSpec]:
        return self.table(ModelSpec)

    @property
    def networks(self) -> Mapping[str, NetworkSpec]:
        return self.table(NetworkSpec)

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        return self.table(MetricSpec)

    @property
    def commands(self) -> Mapping[str, CommandSpec]:
        return self.table(CommandSpec)

    @property
    def trainers(self) -> Mapping[str, TrainerSpec]:
        return self.table(TrainerSpec)

    def embedding(self, name: str) -> EmbeddingSpec:
        """Return the embedding called `name`. Raises UnknownPlugin or UnusablePlugin."""
        return self.named(EmbeddingSpec, name)

    def reconstructor(self, name: str) -> ReconstructorSpec:
        """Return the reconstructor called `name`. Raises UnknownPlugin or UnusablePlugin."""
        return self.named(ReconstructorSpec, name)

    def embedding_by_id(self, number: int) -> EmbeddingSpec:
        """Return the installed embedding with a registered number.

        Raises UnknownPlugin, naming the package, and UnusablePlugin.
        """
        from gcodec_formats import Identity
        from gcodec_formats import registry as numbers

        for spec in self.embeddings.values():
            if spec.id == number:
                return self.named(EmbeddingSpec, spec.name)
        if row := numbers.embedding(number):
            return self.named(EmbeddingSpec, row.name)
        unknown = numbers.unknown_embedding(Identity(id=number, profile=1))
        raise UnknownPlugin("embedding", f"number {number}", advice=unknown.advice)

    def channel_by_id(self, number: int) -> ChannelSpec:
        """Return the installed channel with a registered number. Raises UnknownPlugin naming the package."""
        from gcodec_formats import registry as numbers

        for spec in self.channels.values():
            if spec.id == number:
                return spec
        row = numbers.channel(number)
        return self.named(ChannelSpec, row.name if row else f"number {number}")

    def named(self, cls: type[S], name: str) -> S:
        """Return the spec of a class with that name.

        Raises UnusablePlugin where something that it needs is missing, or where a plugin that would supply it is broken or
        lost it, and says why; UnknownPlugin, with the package to install or names that look alike, where none would.
        """
        from gcodec_formats import registry as numbers

        check_kinds(str, name=name)
        table = self.table(cls)
        if name in table:
            if reason := self.missing(table[name]):
                raise UnusablePlugin(name, reason)
            return table[name]
        kind = next(kind for kind, known in SPECS.items() if known is cls)
        package = numbers.owner(kind, name)
        for plugin in self.plugins:
            # An entry point holds no slash: "acme-wavelet" is the plugin of "acme/wavelet".
            likely = normal(plugin.name) == normal(name.replace("/", "-"))
            if plugin.error and (likely or plugin.distribution == package):
                raise UnusablePlugin(name, f"{plugin.distribution}: {plugin.error}")
            if plugin.disabled and (likely or plugin.distribution == package):
                raise UnusablePlugin(name, f"{plugin.distribution} is switched off")
            for refused in plugin.refused:
                mine = package in (None, plugin.distribution)
                if mine and type(refused.spec) is cls and refused.spec.name == name:
                    raise UnusablePlugin(name, f"{plugin.distribution}: {refused.reason}")
        row = numbers.row(kind, name)
        published = package is not None and (row is None or row.status == "published")
        similar = difflib.get_close_matches(name, table)
        raise UnknownPlugin(kind, name, similar=similar, package=package, published=published)

    def missing(self, spec: Spec) -> str:
        """Return in one line what a spec says is missing here, and what to install; "" where it can be used.

        It is asked once: looking for a package takes half a millisecond.
        """
        path = getattr(spec, "available", "")
        if path and path not in self._missing:
            try:
                with aside():
                    said = " ".join(load_object(spec.name, path)().split())
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                said = f"asking {path} what is missing failed: {one_line(error)}"
            self._missing[path] = said
        return self._missing[path] if path else ""

    @cached_property
    def _missing(self) -> dict[str, str]:
        return {}

    def usable(self, cls: type[S]) -> Mapping[str, S]:
        """Return the specs of a class that can be used here, by name."""
        return {name: spec for name, spec in self.table(cls).items() if not self.missing(spec)}

    def distribution_of(self, spec: Spec) -> str | None:
        """Return the distribution that offers a spec, bound or not."""
        return self._distributions.get((type(spec), spec.name))

    @cached_property
    def _distributions(self) -> Mapping[tuple[type, str], str]:
        return {(type(spec), spec.name): p.distribution for p in self.plugins for spec in p.specs}


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
        with aside():
            return getattr(import_module(module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        whose = [
            p.distribution for p in registry().plugins for s in p.specs if path in vars(s).values()
        ][:1]
        if lacking := needed(error, *whose):
            raise UnusablePlugin(owner, lacking) from error
        reason = f"importing {path} failed: {one_line(error)}"
        raise UnusablePlugin(owner, ": ".join([*whose, reason])) from error
