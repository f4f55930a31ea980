"""From the signals that stage 1 makes to those that stage 2 needs, by the cheapest chain of adapters.

All specs here are bound (`gcodec.pipeline.binding`). A path is found from them alone, so `gcodec matrix` lists every pair
without running or importing any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gcodec.border import check_signal, of_plugin
from gcodec.errors import ModelError, NoPath
from gcodec.interfaces import Setup
from gcodec.models import ModelStore
from gcodec.pipeline.binding import Bound, Ways, bind, ways
from gcodec.plugin import EmbeddingSpec, ReconstructorSpec
from gcodec.registry import Registry, load_object
from gcodec.signals import Preview, Signal, by_type

if TYPE_CHECKING:
    from gcodec.plugin import AdapterSpec
    from gcodec.run import Run
    from gcodec_formats import Size

__all__ = [
    "Path",
    "Row",
    "adapt",
    "check_pair",
    "check_path",
    "check_via",
    "matrix",
    "resolve",
    "run_adapter",
]

#: Adapters in the order to run.
_Chain: TypeAlias = "tuple[AdapterSpec, ...]"
#: (type, whether the chain has passed `Ways.via`) -> the chain that is the cheapest of such.
_Routes: TypeAlias = Mapping[tuple[str, bool], _Chain]


@dataclass(frozen=True)
class Path:
    """How a reconstructor gets its signals.

    adapters  in the order to run; empty where the embedding's own signals do.
    feeds     the signal types handed over.
    cost      sum of the adapters' costs.
    beside    signal types that are made for the pipeline's own use and not handed over.
    """

    adapters: tuple[AdapterSpec, ...]
    feeds: tuple[str, ...]
    cost: float
    beside: tuple[str, ...] = ()

    def explain(self) -> str:
        """Return the path in one line, e.g. "noisy/base -> preview by denoise (850); preview" or "preview"."""
        all_types = " + ".join((*self.feeds, *self.beside))
        if not self.adapters:
            return all_types
        steps = ", ".join(
            f"{a.source} -> {a.target} by {a.name} ({a.cost:g})" for a in self.adapters
        )
        return f"{steps}; {all_types}"


def resolve(
    made: Iterable[str], reconstructor: ReconstructorSpec, found: Ways, realism: float = 1.0
) -> Path | None:
    """Return the cheapest way to what `reconstructor` needs, or None.

    made     the signal types at hand. Each signal of a need comes by its own cheapest chain, adapters shared; among
             needs that cost the same, the spec's first counts. Of two ways the one with fewer foreign adapters is the
             cheaper.
    realism  below 1 the preview is wanted beside, by the way that it has for `preview`, and changes nothing in what
             the reconstructor is fed; at 0 it is all that is wanted.
    """
    routes = _routes(made, found)
    beside = (Preview.kind,)
    if realism == 0:
        chain = _chain(beside, routes, found)
        return None if chain is None else Path(chain, (), _cost(chain), beside)
    at_hand = {name for (name, _), chain in routes.items() if not chain}
    options = []
    for need in reconstructor.needs:
        chain = _chain(need, routes, found)
        if chain is None:
            continue
        # What an adapter made something of would be counted twice.
        spent = {adapter.source for adapter in chain}
        extras = tuple(u for u in reconstructor.uses if u in at_hand - spent)
        options.append(Path(chain, tuple(dict.fromkeys((*need, *extras))), _cost(chain)))
    path = min(options, key=lambda path: _weight(path.adapters, found), default=None)
    if path is None or realism == 1 or Preview.kind in path.feeds:
        return path
    preview = _cheapest(Preview.kind, routes, found)
    if preview is None:
        return None
    chain = _merge((path.adapters, preview))
    return Path(chain, path.feeds, _cost(chain), beside)


def adapt(
    signals: Iterable[Signal],
    reconstructor: ReconstructorSpec,
    size: Size,
    run: Run,
    found: Ways,
    realism: float = 1.0,
) -> tuple[dict[str, Signal], Path]:
    """Run the adapters between these signals and `reconstructor`; return what `resolve` found wanted, by type.

    The path comes with them: its `feeds` are for the reconstructor. Raises NoPath if there is no way, PluginError, and what
    an adapter raises on purpose.
    """
    at_hand = by_type(signals)
    path = resolve(at_hand, reconstructor, found, realism)
    if path is None:
        here, wanted = " + ".join(at_hand) or "nothing", _wanted(reconstructor, realism)
        raise NoPath(here, reconstructor.name, wanted, via=found.via)
    for adapter in path.adapters:
        at_hand[adapter.target] = run_adapter(adapter, at_hand[adapter.source], size, run)
    return {name: at_hand[name] for name in (*path.feeds, *path.beside)}, path


def run_adapter(adapter: AdapterSpec, signal: Signal, size: Size, run: Run) -> Signal:
    """Return what an adapter makes of a signal, checked. Raises PluginError, and what the adapter raises on purpose."""
    model = run.models.find(adapter.model) if adapter.model else None
    function = load_object(adapter.name, adapter.implementation)
    if adapter.target == Preview.kind:  # the faithful picture is the same on every machine
        run = run.exact
    with of_plugin(adapter):
        return check_signal(function(signal, size, Setup(run, {}, model)), size, adapter.target)


@dataclass(frozen=True)
class Row:
    """One pair of the matrix; `path` is None where the pair cannot work, and `reason` says why.

    ignored  signal types that the embedding makes and nobody on the path looks at, a caption say.
    """

    embedding: str
    reconstructor: str
    path: Path | None
    reason: str
    ignored: tuple[str, ...] = ()


def matrix(installed: Registry) -> list[Row]:
    """Return every pair of embedding and reconstructor that can be used here, with its path."""
    return [
        _row(embedding, reconstructor, installed)
        for embedding in installed.usable(EmbeddingSpec).values()
        for reconstructor in installed.usable(ReconstructorSpec).values()
    ]


def check_pair(
    embedding: EmbeddingSpec,
    reconstructor: ReconstructorSpec,
    installed: Registry,
    realism: float = 1.0,
    via: str | None = None,
) -> list[Path]:
    """Return the paths of a pair under the models of its specs: one for each set of types that a file may hold.

    That of the highest quality comes first. Raises NoPath, UnknownPlugin and UnusablePlugin for `via`, and ModelMissing
    where the place of a model is wanted that is not there.
    """
    return _pair(embedding, reconstructor, installed, realism, via)[1]


def check_path(
    embedding: Bound[EmbeddingSpec],
    made: Iterable[str],
    reconstructor: Bound[ReconstructorSpec],
    found: Ways,
    installed: Registry,
    realism: float = 1.0,
) -> Path:
    """Return the path from what was `made` to `reconstructor`, as `resolve` finds it.

    Raises NoPath, naming `embedding`, what is missing and which embeddings would supply it.
    """
    path = resolve(made, reconstructor.spec, found, realism)
    if path is not None:
        return path
    suppliers = [
        e.name
        for e in installed.usable(EmbeddingSpec).values()
        if found.via is None and _leads(e, reconstructor, installed, realism)
    ]
    wanted = _wanted(reconstructor.spec, realism)
    raise NoPath(embedding.spec.name, reconstructor.spec.name, wanted, suppliers, via=found.via)


def check_via(
    reconstructor: ReconstructorSpec, installed: Registry, via: str, realism: float = 1.0
) -> None:
    """Raise NoPath where an adapter leads to `reconstructor` from nothing that any installed embedding makes.

    For whoever has many files, of whichever embedding. Raises UnknownPlugin, UnusablePlugin and ModelMissing.
    """
    store = ModelStore(tuple(installed.models.values()))
    senders = []
    for spec in installed.usable(EmbeddingSpec).values():
        with suppress(ModelError):
            senders.append(bind(spec, None, store))
    receiver = bind(reconstructor, None, store)
    found = ways(installed, *senders, receiver, via=via)
    made = {name for sender in senders for name in sender.spec.makes}
    if resolve(made, receiver.spec, found, realism) is None:
        raise NoPath("", reconstructor.name, _wanted(receiver.spec, realism), via=via)


def _pair(
    embedding: EmbeddingSpec,
    reconstructor: ReconstructorSpec,
    installed: Registry,
    realism: float = 1.0,
    via: str | None = None,
) -> tuple[EmbeddingSpec, list[Path]]:
    """Return the embedding's spec, bound, and what `check_pair` does."""
    store = ModelStore(tuple(installed.models.values()))
    sender, receiver = bind(embedding, None, store), bind(reconstructor, None, store)
    found = ways(installed, sender, receiver, via=via)
    return sender.spec, [
        check_path(sender, held, receiver, found, installed, realism)
        for held in sender.spec.contents
    ]


def _leads(
    spec: EmbeddingSpec,
    reconstructor: Bound[ReconstructorSpec],
    installed: Registry,
    realism: float,
) -> bool:
    try:
        sender = bind(spec, None, ModelStore(tuple(installed.models.values())))
    except ModelError:
        return False
    found = ways(installed, sender, reconstructor)
    return resolve(sender.spec.makes, reconstructor.spec, found, realism) is not None


def _row(embedding: EmbeddingSpec, reconstructor: ReconstructorSpec, installed: Registry) -> Row:
    try:
        # A pair works if every file does; the path shown is that of the highest quality.
        sender, (path, *_) = _pair(embedding, reconstructor, installed)
    except (NoPath, ModelError) as error:
        return Row(embedding.name, reconstructor.name, None, str(error))
    used = {*path.feeds, *(adapter.source for adapter in path.adapters)}
    ignored = tuple(made for made in sender.contents[0] if made not in used)
    return Row(embedding.name, reconstructor.name, path, "", ignored)


def _wanted(reconstructor: ReconstructorSpec, realism: float) -> list[str]:
    if realism == 0:
        return [Preview.kind]
    beside = () if realism == 1 else (Preview.kind,)
    return [" + ".join(dict.fromkeys((*need, *beside))) for need in reconstructor.needs]


def _routes(made: Iterable[str], found: Ways) -> _Routes:
    """Return, for every type that can be reached, the cheapest chain to it (Bellman-Ford on a few dozen edges)."""
    routes: dict[tuple[str, bool], _Chain] = {(name, found.via is None): () for name in made}
    weights = dict.fromkeys(routes, _weight((), found))
    for _ in found.adapters:
        before = dict(weights)
        for adapter in found.adapters:
            for passed in (True, False):
                chain = routes.get((adapter.source, passed))
                if chain is None or adapter in chain:
                    continue
                key = (adapter.target, passed or adapter.name == found.via)
                longer = (*chain, adapter)
                if key not in weights or _weight(longer, found) < weights[key]:
                    routes[key], weights[key] = longer, _weight(longer, found)
        if weights == before:
            break
    return routes


def _chain(wanted: Sequence[str], routes: _Routes, found: Ways) -> _Chain | None:
    """Return the adapters for all of `wanted`, each by its cheapest chain, but one of them by way of `Ways.via`."""
    cheapest = {name: _cheapest(name, routes, found) for name in wanted}
    chains = [chain for chain in cheapest.values() if chain is not None]
    if len(chains) < len(cheapest):
        return None
    options = [
        _merge({**cheapest, name: routes[name, True]}.values())  # type: ignore[arg-type]
        for name in wanted
        if (name, True) in routes
    ]
    return min(options, key=lambda chain: _weight(chain, found), default=None)


def _cheapest(name: str, routes: _Routes, found: Ways) -> _Chain | None:
    chains = [routes[key] for key in ((name, True), (name, False)) if key in routes]
    return min(chains, key=lambda chain: _weight(chain, found), default=None)


def _merge(chains: Iterable[_Chain]) -> _Chain:
    """Join chains, each adapter once, in an order in which every source is made before it is used."""
    return tuple(dict.fromkeys(adapter for chain in chains for adapter in chain))


def _weight(chain: _Chain, found: Ways) -> tuple[int, float]:
    """Return how many adapters are foreign, and what all cost."""
    return sum(adapter.name in found.foreign for adapter in chain), _cost(chain)


def _cost(chain: _Chain) -> float:
    return sum(adapter.cost for adapter in chain)
