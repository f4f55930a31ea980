"""From the signals that stage 1 makes to those that stage 2 needs, by the cheapest chain of adapters.

A path is found from the specs alone, so `gcodec matrix` lists every pair without running or importing any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gcodec.border import check_signal, of_plugin
from gcodec.errors import NoPath
from gcodec.interfaces import Setup
from gcodec.registry import Registry, load_object
from gcodec.signals import Preview, Signal, by_type

if TYPE_CHECKING:
    from gcodec.plugin import AdapterSpec, EmbeddingSpec, ReconstructorSpec
    from gcodec.run import Run
    from gcodec_formats import Size

__all__ = ["Path", "Row", "adapt", "check_pair", "matrix", "resolve", "run_adapter"]


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
        """Return the path in one line, e.g. "noisy/base -> preview (14)" or "preview"."""
        all_types = " + ".join((*self.feeds, *self.beside))
        if not self.adapters:
            return all_types
        steps = ", ".join(f"{a.source} -> {a.target} ({a.cost:g})" for a in self.adapters)
        return f"{steps}; {all_types}"


def resolve(
    made: Iterable[str],
    reconstructor: ReconstructorSpec,
    adapters: Sequence[AdapterSpec],
    realism: float = 1.0,
) -> Path | None:
    """Return the cheapest way to what `reconstructor` needs, or None.

    made     the signal types at hand. Each signal of a need comes by its own cheapest chain, adapters shared; among
             needs that cost the same, the spec's first counts.
    realism  below 1 the preview is wanted beside, by the way that it has for `preview`, and changes nothing in what
             the reconstructor is fed; at 0 it is all that is wanted.
    """
    routes = _routes(made, adapters)
    options = []
    for need in reconstructor.needs if realism > 0 else ((),):
        if not all(wanted in routes for wanted in need):
            continue
        chain = _merge(routes[wanted] for wanted in need)
        # What an adapter made something of would be counted twice.
        spent = {adapter.source for adapter in chain}
        uses = reconstructor.uses if realism > 0 else ()
        extras = tuple(u for u in uses if u in routes and not routes[u] and u not in spent)
        feeds = tuple(dict.fromkeys((*need, *extras)))
        options.append(Path(chain, feeds, sum(adapter.cost for adapter in chain)))
    path = min(options, key=lambda path: path.cost, default=None)
    if path is None or realism == 1 or Preview.kind in path.feeds:
        return path
    if Preview.kind not in routes:
        return None
    chain = _merge((path.adapters, routes[Preview.kind]))
    cost = sum(adapter.cost for adapter in chain)
    return Path(chain, path.feeds, cost, beside=(Preview.kind,))


def adapt(
    signals: Iterable[Signal],
    reconstructor: ReconstructorSpec,
    size: Size,
    run: Run,
    realism: float = 1.0,
    installed: Registry | None = None,
) -> tuple[dict[str, Signal], Path]:
    """Run the adapters between these signals and `reconstructor`; return what `resolve` found wanted, by type.

    The path comes with them: its `feeds` are for the reconstructor. Adapters are those of `installed`, by default of this
    installation. Raises NoPath if there is no way, PluginError, and what an adapter raises on purpose.
    """
    from gcodec.registry import registry

    at_hand = by_type(signals)
    path = resolve(at_hand, reconstructor, (installed or registry()).adapters, realism)
    if path is None:
        here, wanted = " + ".join(at_hand) or "nothing", _wanted(reconstructor, realism)
        raise NoPath(here, reconstructor.name, wanted)
    for adapter in path.adapters:
        at_hand[adapter.target] = run_adapter(adapter, at_hand[adapter.source], size, run)
    return {name: at_hand[name] for name in (*path.feeds, *path.beside)}, path


def run_adapter(adapter: AdapterSpec, signal: Signal, size: Size, run: Run) -> Signal:
    """Return what an adapter makes of a signal, checked. Raises PluginError, and what the adapter raises on purpose."""
    model = run.models.find(adapter.model) if adapter.model else None
    function = load_object(f"{adapter.source} -> {adapter.target}", adapter.implementation)
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
    """Return every pair of installed embedding and reconstructor with its path."""
    return [
        _row(embedding, reconstructor, installed)
        for embedding in installed.embeddings.values()
        for reconstructor in installed.reconstructors.values()
    ]


def check_pair(
    embedding: str,
    makes: Iterable[str],
    reconstructor: ReconstructorSpec,
    installed: Registry,
    realism: float = 1.0,
) -> Path:
    """Return the path from what `embedding` makes to `reconstructor`, as `resolve` finds it.

    Raises NoPath, naming what is missing and who would supply it.
    """
    path = resolve(makes, reconstructor, installed.adapters, realism)
    if path is None:
        wanted = _wanted(reconstructor, realism)
        suppliers = [
            e.name
            for e in installed.embeddings.values()
            if resolve(e.makes, reconstructor, installed.adapters, realism)
        ]
        raise NoPath(embedding, reconstructor.name, wanted, suppliers)
    return path


def _row(embedding: EmbeddingSpec, reconstructor: ReconstructorSpec, installed: Registry) -> Row:
    try:
        # A pair works if every file does; the path shown is that of the highest quality.
        path, *_ = (
            check_pair(embedding.name, held, reconstructor, installed)
            for held in embedding.contents
        )
    except NoPath as error:
        return Row(embedding.name, reconstructor.name, None, str(error))
    used = {*path.feeds, *(adapter.source for adapter in path.adapters)}
    ignored = tuple(made for made in embedding.contents[0] if made not in used)
    return Row(embedding.name, reconstructor.name, path, "", ignored)


def _wanted(reconstructor: ReconstructorSpec, realism: float) -> list[str]:
    if realism == 0:
        return [Preview.kind]
    beside = () if realism == 1 else (Preview.kind,)
    return [" + ".join(dict.fromkeys((*need, *beside))) for need in reconstructor.needs]


def _routes(
    made: Iterable[str], adapters: Sequence[AdapterSpec]
) -> Mapping[str, tuple[AdapterSpec, ...]]:
    """Return, for every type that can be reached, the cheapest chain to it (Bellman-Ford on a dozen edges)."""
    routes: dict[str, tuple[AdapterSpec, ...]] = dict.fromkeys(made, ())
    cost = dict.fromkeys(routes, 0.0)
    for _ in adapters:
        for adapter in adapters:
            if adapter.source not in cost:
                continue
            total = cost[adapter.source] + adapter.cost
            if total < cost.get(adapter.target, float("inf")):
                cost[adapter.target] = total
                routes[adapter.target] = (*routes[adapter.source], adapter)
    return routes


def _merge(chains: Iterable[tuple[AdapterSpec, ...]]) -> tuple[AdapterSpec, ...]:
    """Join chains, each adapter once, in an order in which every source is made before it is used."""
    return tuple(dict.fromkeys(adapter for chain in chains for adapter in chain))
