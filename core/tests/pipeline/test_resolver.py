"""Paths from the signals that stage 1 makes to those that stage 2 needs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import support
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gcodec.errors import NoPath, UnusablePlugin
from gcodec.interfaces import Size
from gcodec.pipeline import resolver
from gcodec.pipeline.binding import Ways, ways
from gcodec.pipeline.resolver import Path, adapt, check_pair, matrix
from gcodec.plugin import AdapterSpec, EmbeddingSpec, ReconstructorSpec
from gcodec.registry import Registry
from gcodec.run import Run
from gcodec.signals import Preview, Sketch, Text


def adapter(source: str, target: str, cost: float, name: str = "") -> AdapterSpec:
    name = name or source + target
    return AdapterSpec(name, source, target, f"m:{name}", cost, "")


def resolve(
    made: Iterable[str],
    reconstructor: ReconstructorSpec,
    adapters: Iterable[AdapterSpec],
    realism: float = 1.0,
    **more: Any,
) -> Path | None:
    return resolver.resolve(made, reconstructor, Ways(tuple(adapters), **more), realism)


def wants(*needs: tuple[str, ...], uses: tuple[str, ...] = ()) -> ReconstructorSpec:
    return ReconstructorSpec("r", "", "m:R", needs, uses)


def steps(*adapters: AdapterSpec) -> list[tuple[str, str]]:
    return [(a.source, a.target) for a in adapters]


def test_what_is_at_hand_needs_no_adapter() -> None:
    path = resolve(["a"], wants(("a",)), [adapter("a", "b", 1), adapter("b", "a", 1)])
    assert path is not None
    assert (path.adapters, path.feeds, path.cost) == ((), ("a",), 0)


def test_of_two_ways_the_cheaper_counts_even_with_more_steps() -> None:
    direct, first, second = adapter("a", "c", 5), adapter("a", "b", 2), adapter("b", "c", 2)
    path = resolve(["a"], wants(("c",)), [direct, first, second])
    assert path is not None
    assert steps(*path.adapters) == [("a", "b"), ("b", "c")]
    assert path.cost == 4


def test_costs_are_added_up() -> None:
    """Two steps of 3 are dearer than one of 5, and one of 7 is dearer than they."""
    first, second = adapter("a", "b", 3), adapter("b", "c", 3)
    for direct, expected in ((5, [("a", "c")]), (7, [("a", "b"), ("b", "c")])):
        for adapters in (
            [adapter("a", "c", direct), first, second],
            [second, first, adapter("a", "c", direct)],
        ):
            path = resolve(["a"], wants(("c",)), adapters)
            assert path is not None
            assert (steps(*path.adapters), path.cost) == (expected, min(direct, 6))


def test_of_two_adapters_for_one_step_the_cheaper_counts() -> None:
    path = resolve(["a"], wants(("b",)), [adapter("a", "b", 3, "x"), adapter("a", "b", 2, "y")])
    assert path is not None
    assert path.adapters[0].implementation == "m:y"


def test_a_tie_goes_to_the_adapter_listed_first_and_to_the_need_listed_first() -> None:
    twins = [adapter("a", "b", 3, "x"), adapter("a", "b", 3, "y")]
    path = resolve(["a"], wants(("b",)), twins)
    assert path is not None
    assert path.adapters[0].implementation == "m:x"
    both = [adapter("a", "b", 3), adapter("a", "c", 3)]
    for needs in (("b",), ("c",)), (("c",), ("b",)):
        path = resolve(["a"], wants(*needs), both)
        assert path is not None
        assert path.feeds == needs[0]


def test_among_alternatives_the_cheapest_counts_whatever_the_order() -> None:
    path = resolve(["a"], wants(("b",), ("a",)), [adapter("a", "b", 1)])
    assert path is not None
    assert path.feeds == ("a",)


def test_an_alternative_counts_only_when_all_of_it_is_there() -> None:
    spec = wants(("a", "text"), ("b",))
    path = resolve(["a"], spec, [adapter("a", "b", 9)])
    assert path is not None
    assert path.feeds == ("b",)


def test_below_realism_1_the_preview_is_made_beside_and_the_reconstructor_is_fed_as_before() -> (
    None
):
    adapters = [adapter("a", "x", 10), adapter("x", "b", 1), adapter("x", "preview", 2)]
    spec = wants(("b",), uses=("preview",))
    sample, mixed, faithful = (resolve(["a"], spec, adapters, alpha) for alpha in (1.0, 0.5, 0.0))
    assert sample is not None and mixed is not None and faithful is not None
    assert (sample.feeds, sample.beside, sample.cost) == (("b",), (), 11)
    assert (mixed.feeds, mixed.beside, mixed.cost) == (("b",), ("preview",), 13)
    assert steps(*mixed.adapters) == [("a", "x"), ("x", "b"), ("x", "preview")]
    assert (faithful.feeds, faithful.beside) == ((), ("preview",))
    assert steps(*faithful.adapters) == [("a", "x"), ("x", "preview")]


def test_what_is_fed_at_realism_1_is_fed_at_any_even_where_another_need_has_the_preview() -> None:
    # Counted together with the preview, the second need would be the cheaper one.
    adapters = [adapter("a", "b", 5), adapter("a", "preview", 6)]
    path = resolve(["a"], wants(("b",), ("preview",)), adapters, 0.5)
    assert path is not None
    assert (path.feeds, path.beside) == (("b",), ("preview",))


def test_without_a_way_to_a_preview_there_is_no_realism_below_1() -> None:
    spec = wants(("a",))
    assert resolve(["a"], spec, []) is not None
    assert resolve(["a"], spec, [], 0.5) is None
    assert resolve(["a"], spec, [], 0.0) is None


def test_a_shared_step_runs_and_counts_once() -> None:
    shared = [adapter("a", "x", 10), adapter("x", "b", 1), adapter("x", "c", 2)]
    path = resolve(["a"], wants(("b", "c")), shared)
    assert path is not None
    assert steps(*path.adapters) == [("a", "x"), ("x", "b"), ("x", "c")]
    assert path.cost == 13


def test_extras_are_handed_over_when_at_hand_and_never_made_for_their_own_sake() -> None:
    spec = wants(("a",), uses=("text", "b"))
    path = resolve(["a", "text"], spec, [adapter("a", "b", 1)])
    assert path is not None
    assert path.feeds == ("a", "text")
    assert path.adapters == ()


def test_what_an_adapter_made_something_of_is_not_handed_over_beside() -> None:
    """It would be counted twice."""
    spec = wants(("b",), uses=("a", "text"))
    path = resolve(["a", "text"], spec, [adapter("a", "b", 1)])
    assert path is not None
    assert path.feeds == ("b", "text")
    whole = resolve(["a", "b", "text"], spec, [])
    assert whole is not None
    assert whole.feeds == ("b", "a", "text")


def test_a_foreign_adapter_steps_in_only_where_nothing_else_leads() -> None:
    own, far, shortcut = adapter("a", "b", 50), adapter("b", "c", 1), adapter("a", "b", 1, "short")
    spec, foreign = wants(("c",), ("b",)), frozenset({"short", "bc"})
    path = resolve(["a"], spec, [shortcut, far, own], foreign=foreign)
    assert path is not None
    assert (path.adapters, path.feeds) == ((own,), ("b",))
    path = resolve(["a"], wants(("c",)), [shortcut, far, own], foreign=foreign)
    assert path is not None
    assert path.adapters == (own, far)
    path = resolve(["a"], wants(("b",)), [shortcut], foreign=foreign)
    assert path is not None
    assert path.adapters == (shortcut,)


def test_by_way_of_an_adapter_that_is_asked_for() -> None:
    """However dear it is, wherever it lies on the way, and cheapest of all beside it."""
    dear, cheap, last = adapter("a", "b", 90, "dear"), adapter("a", "b", 1), adapter("b", "c", 1)
    round_trip = [adapter("b", "x", 2, "out"), adapter("x", "b", 3, "back")]
    adapters = [cheap, dear, last, *round_trip]
    expected = {
        "dear": ["dear", "bc"],
        "bc": ["ab", "bc"],
        "out": ["ab", "out", "back", "bc"],
        "nowhere": None,
    }
    for via, names in expected.items():
        path = resolve(["a"], wants(("c",)), adapters, via=via, foreign=frozenset({"dear"}))
        assert (path and [a.name for a in path.adapters]) == names
    assert resolve(["c"], wants(("c",)), adapters, via="bc") is None
    pair = resolve(["a"], wants(("c", "x")), adapters, via="dear")
    assert pair is not None
    assert {a.name for a in pair.adapters} >= {"dear", "bc", "out"}


@pytest.mark.parametrize("realism", [0.0, 0.5])
def test_below_realism_1_too_the_way_is_the_one_asked_for(realism: float) -> None:
    adapters = [adapter("a", "preview", 1, "cheap"), adapter("a", "preview", 9, "dear")]
    adapters.append(adapter("preview", "b", 1))
    path = resolve(["a"], wants(("b",)), adapters, realism, via="dear")
    assert path is not None
    assert "dear" in [a.name for a in path.adapters]


def test_circles_of_adapters_do_no_harm() -> None:
    circle = [adapter("a", "b", 1), adapter("b", "a", 1), adapter("b", "c", 1)]
    path = resolve(["a"], wants(("c",)), circle)
    assert path is not None
    assert path.cost == 2
    assert resolve(["z"], wants(("c",)), circle) is None


def test_no_signals_reach_nothing() -> None:
    assert resolve([], wants(("a",)), [adapter("a", "a", 1)]) is None


def test_a_path_explains_itself_in_one_line() -> None:
    chain = [
        adapter("noisy/base", "preview", 14, "denoise"),
        adapter("preview", "sketch", 20.5, "edges"),
    ]
    path = resolve(["noisy/base"], wants(("sketch", "noisy/base")), chain)
    assert path is not None
    assert path.explain() == (
        "noisy/base -> preview by denoise (14), preview -> sketch by edges (20.5); sketch + noisy/base"
    )
    plain = resolve(["preview", "text"], wants(("preview",), uses=("text",)), chain)
    assert plain is not None
    assert plain.explain() == "preview + text"


TYPES = "abcdef"
graphs = st.lists(
    st.tuples(st.sampled_from(TYPES), st.sampled_from(TYPES), st.integers(1, 20)), max_size=8
)


def cheapest(made: set[str], need: set[str], adapters: list[AdapterSpec]) -> float | None:
    """Return the cost of the cheapest set of adapters that makes all of `need`, by trying every set."""
    costs = []
    for count in range(len(adapters) + 1):
        for chosen in combinations(adapters, count):
            reached = set(made)
            for _ in chosen:
                reached |= {a.target for a in chosen if a.source in reached}
            if need <= reached:
                costs.append(sum(a.cost for a in chosen))
    return min(costs, default=None)


@settings(derandomize=True)
@example(graph=[("a", "c", 5), ("a", "b", 3), ("b", "c", 3)], made={"a"}, need="c")
@given(graph=graphs, made=st.sets(st.sampled_from(TYPES), max_size=2), need=st.sampled_from(TYPES))
def test_for_one_signal_the_path_is_the_cheapest_there_is(
    graph: list[tuple[str, str, int]], made: set[str], need: str
) -> None:
    adapters = [adapter(s, t, c, str(n)) for n, (s, t, c) in enumerate(graph)]
    path = resolve(sorted(made), wants((need,)), adapters)
    assert (path.cost if path else None) == cheapest(made, {need}, adapters)


@settings(derandomize=True)
@given(
    graph=graphs,
    made=st.sets(st.sampled_from(TYPES), max_size=2),
    need=st.sets(st.sampled_from(TYPES), min_size=1, max_size=3),
)
def test_for_several_signals_there_is_a_path_whenever_one_exists_and_it_runs_in_its_order(
    graph: list[tuple[str, str, int]], made: set[str], need: set[str]
) -> None:
    adapters = [adapter(s, t, c, str(n)) for n, (s, t, c) in enumerate(graph)]
    path = resolve(sorted(made), wants(tuple(sorted(need))), adapters)
    best = cheapest(made, need, adapters)
    assert (path is None) == (best is None)
    if path is None or best is None:
        return
    reached = set(made)
    for step in path.adapters:
        assert step.source in reached
        reached.add(step.target)
    assert need <= reached
    assert path.cost == sum(a.cost for a in path.adapters)
    alone = [cheapest(made, {wanted}, adapters) or 0 for wanted in need]
    assert best <= path.cost <= sum(alone)


def test_a_pair_without_a_path_names_what_is_missing_and_who_would_supply_it(
    installed: Registry,
) -> None:
    outline = installed.reconstructor("outline")
    with pytest.raises(NoPath) as caught:
        check_pair(installed.embedding("test/words"), outline, installed)
    error = caught.value
    assert (error.embedding, error.reconstructor) == ("test/words", "outline")
    assert error.missing == ("tokens/book", "sketch")
    assert "tiny" in error.suppliers
    assert "test/words" not in error.suppliers
    with pytest.raises(NoPath, match="tokens/book \\+ text, which no installed plugin supplies"):
        check_pair(installed.embedding("tiny"), installed.reconstructor("fussy"), installed)


def test_the_matrix_has_every_pair_once_with_its_path_or_its_reason(installed: Registry) -> None:
    rows = matrix(installed)
    pairs = [(row.embedding, row.reconstructor) for row in rows]
    assert len(set(pairs)) == len(pairs)
    assert set(pairs) == {(e, r) for e in installed.embeddings for r in installed.reconstructors}
    by_pair = dict(zip(pairs, rows, strict=True))
    made = by_pair["tiny", "outline"].path
    assert made is not None
    assert made.explain() == "preview -> sketch by edges (20); sketch"
    nothing = by_pair["test/words", "preview"]
    assert nothing.path is None
    assert "needs preview" in nothing.reason


def test_the_matrix_names_signals_that_nobody_looks_at() -> None:
    """A caption beside a preview is no help to a reconstructor that reads pictures, and the matrix says so."""
    shared = {"summary": "", "implementation": "x:y"}
    both = EmbeddingSpec("test/both", makes=("preview", "text"), parse_class="A", **shared)
    blind = ReconstructorSpec("blind", needs=(("sketch",),), **shared)
    reader = ReconstructorSpec("reader", needs=(("preview",),), uses=("text",), **shared)
    edges = AdapterSpec("x/edges", "preview", "sketch", "x:y", 1, "")
    found = support.registry_of(both, blind, reader, edges)
    assert [row.ignored for row in matrix(found)] == [("text",), ()]


def test_adapters_really_run(installed: Registry) -> None:
    pixels = np.zeros((3, 8, 8), np.float32)
    pixels[:, :, 4:] = 1
    fed, path = adapt(
        [Preview(pixels, 0.0), Text("x")],
        installed.reconstructor("outline"),
        Size(8, 8),
        Run(),
        ways(installed),
    )
    assert list(fed) == ["sketch"]
    sketch = fed["sketch"]
    assert isinstance(sketch, Sketch)
    # A step from black to white is an edge of full strength, and the flat parts are none.
    assert np.allclose(sketch.edges[0, :, 3:5], 1)
    assert np.allclose(sketch.edges[0, :, :2], 0)
    assert path.cost == 20


def test_signals_that_lead_nowhere_are_named(installed: Registry) -> None:
    with pytest.raises(NoPath, match="cannot decode 'text'"):
        adapt([Text("x")], installed.reconstructor("outline"), Size(8, 8), Run(), ways(installed))


def test_an_adapter_that_is_not_there_is_its_plugins_failure(installed: Registry) -> None:
    signals = [Sketch(np.zeros((1, 8, 8), np.float32))]
    with pytest.raises(UnusablePlugin, match="test/never"):
        adapt(signals, wants(("latent/never",)), Size(8, 8), Run(), ways(installed))


def test_a_pair_works_if_it_does_whatever_the_file_holds() -> None:
    """Files hold tokens of one of two codebooks: the matrix answers for both, and shows the path of the finer."""
    shared = {"summary": "", "implementation": "x:y"}
    grids = EmbeddingSpec(
        "test/grids", makes=("tokens/a", "tokens/b", "text"), one_of=2, parse_class="A", **shared
    )
    assert grids.contents == (("tokens/a", "text"), ("tokens/b", "text"))
    fine = ReconstructorSpec("fine", needs=(("tokens/a",),), **shared)
    either = ReconstructorSpec("either", needs=(("tokens/b",), ("tokens/a",)), **shared)
    both = ReconstructorSpec("both", needs=(("tokens/a", "tokens/b"),), **shared)
    found = support.registry_of(grids, fine, either, both)
    rows = {row.reconstructor: row for row in matrix(found)}
    assert rows["fine"].path is None
    assert rows["both"].path is None
    assert rows["either"].path is not None
    assert (rows["either"].path.feeds, rows["either"].ignored) == (("tokens/a",), ("text",))
