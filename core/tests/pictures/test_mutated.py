"""A few of the damaged pictures of fuzz/fuzz_pictures.py: each is what another reader sees, or one line."""

from __future__ import annotations

import pytest

mutated = pytest.importorskip("mutated")  # which needs imagecodecs, tifffile, pyvips and pillow_jxl

COUNT = 40  # of each source


def test_every_source_is_sound() -> None:
    seen = {name: mutated.judge(name, source.data) for name, source in mutated.sources().items()}
    assert {name: verdict for name, verdict in seen.items() if verdict.kind != "agreed"} == {}


@pytest.mark.parametrize("name", sorted(mutated.sources()))
def test_damage_is_seen_alike_or_told(name: str) -> None:
    every = len(mutated.sources())
    first = sorted(mutated.sources()).index(name)
    verdicts = {
        number: mutated.judge(*mutated.mutant(number))
        for number in range(first, first + COUNT * every, every)
    }
    assert {n: verdict.text for n, verdict in verdicts.items() if verdict.kind == "fault"} == {}
    # Of any format some damage is told, and a check that refuses everything would show nothing.
    assert any(verdict.kind == "refused" for verdict in verdicts.values())
