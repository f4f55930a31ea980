"""`gcodec.register`: an object with hooks stands as a plugin, by the same rules, until it is undone."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gcodec
from gcodec.errors import UnknownPlugin, UnusablePlugin, UsageError
from gcodec.pipeline.mixing import decode_in_fresh_process
from gcodec.plugin import EmbeddingSpec, ReconstructorSpec, hookimpl
from gcodec.registry import registry
from gcodec.signals import Preview, Signal

PICTURE = gcodec.Picture(np.full((3, 8, 8), 0.25, np.float32))


class Mean(gcodec.Embedding):
    """The mean of a picture in one byte."""

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        return (bytes([round(255 * float(analysis.mean()))]),)

    def decode(self, layers: Sequence[bytes], size: gcodec.Size) -> tuple[Signal, ...]:
        return (Preview(np.full((3, *size), layers[0][0] / 255, np.float32), 0.1),)


class Flat(gcodec.Reconstructor):
    def reconstruct(self, signals: Any, size: gcodec.Size) -> Any:
        return signals["preview"].pixels


class Notebook:
    """What somebody tries out, without a distribution."""

    GCODEC_INTERFACE = 1

    def __init__(self, name: str = "me/mean", *, summary: str = "a mean", **more: Any) -> None:
        self.name, self.summary, self.more = name, summary, more

    @hookimpl
    def gcodec_embeddings(self) -> list[EmbeddingSpec]:
        more = {"makes": ("preview",), "parse_class": "A", **self.more}
        return [EmbeddingSpec(self.name, self.summary, f"{__name__}:Mean", **more)]

    @hookimpl
    def gcodec_reconstructors(self) -> list[ReconstructorSpec]:
        return [ReconstructorSpec("me/flat", "as it is", f"{__name__}:Flat", (("preview",),))]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    def offers() -> list[Any]:
        return [(p.name, p.specs, p.refused, p.error) for p in registry().plugins]

    before = offers()
    yield
    assert offers() == before


def summary() -> str:
    return registry().embedding("me/mean").summary


def test_what_is_registered_encodes_and_decodes_until_it_is_undone() -> None:
    with gcodec.register(Notebook()) as mine:
        data = gcodec.encode(PICTURE, "me/mean").data
        found = gcodec.decode(data, "me/flat").picture.pixels
        assert np.abs(found - 0.25).max() < 1 / 255
        (plugin,) = (p for p in registry().plugins if p.name == "Notebook")
        assert (plugin.distribution, plugin.version) == ("Notebook", "registered")
    with pytest.raises(UnknownPlugin):
        gcodec.decode(data, "me/flat")
    mine.undo()


def test_a_module_registers_like_an_object_and_again_after_it_has_changed() -> None:
    module = types.ModuleType("made_here")
    hooks = Notebook(summary="before")
    for name in ("GCODEC_INTERFACE", "gcodec_embeddings", "gcodec_reconstructors"):
        setattr(module, name, getattr(hooks, name))
    first = gcodec.register(module)
    assert summary() == "before"
    hooks.summary = "after"
    second = gcodec.register(module)
    assert summary() == "after"
    assert [p.name for p in registry().plugins].count("made_here") == 1
    second.undo()
    assert summary() == "after"
    first.undo()
    with pytest.raises(UnknownPlugin):
        registry().embedding("me/mean")


def test_of_two_under_one_name_the_later_stands() -> None:
    with gcodec.register(Notebook(summary="one")):
        with gcodec.register(Notebook(summary="two")):
            assert summary() == "two"
        assert summary() == "one"


class Forgotten:
    GCODEC_INTERFACE = 1

    def gcodec_embeddings(self) -> list[EmbeddingSpec]:
        return []


class Raises:
    GCODEC_INTERFACE = 1

    @hookimpl
    def gcodec_embeddings(self) -> list[EmbeddingSpec]:
        raise ZeroDivisionError("one\nline")


def of_another_interface() -> Notebook:
    later = Notebook()
    later.GCODEC_INTERFACE = 2  # type: ignore[misc]
    return later


BROKEN = {
    "no hooks": (object(), "says no interface number; write GCODEC_INTERFACE = 1"),
    "no mark": (Forgotten(), "gcodec_embeddings lacks the mark @gcodec.plugin.hookimpl"),
    "an exception": (Raises(), "ZeroDivisionError: one line"),
    "another interface": (of_another_interface(), "made for plugin interface 2, this is 1"),
    "no name for a file": (Notebook("mean"), "vendor/name"),
    "somebody's name": (Notebook("webp", id=201), "'webp' is registered to gcodec-classic"),
    "somebody's number": (Notebook("me/mean", id=2), "number 2 is registered to"),
}


@pytest.mark.parametrize(("module", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_used_is_an_error_at_once(module: object, reason: str) -> None:
    with pytest.raises(UnusablePlugin) as caught:
        gcodec.register(module)
    assert reason in str(caught.value) and "\n" not in str(caught.value)


def test_what_two_claim_is_refused_to_the_newcomer_and_the_first_keeps_it() -> None:
    with gcodec.register(Notebook(summary="first"), name="first"):
        with pytest.raises(UnusablePlugin, match="claimed by first and second"):
            gcodec.register(Notebook(), name="second")
        assert summary() == "first"


def test_another_process_does_not_see_it_and_that_is_said(tmp_path: Path) -> None:
    with gcodec.register(Notebook()):
        file = tmp_path / "a.gcx"
        file.write_bytes(gcodec.encode(PICTURE, "webp").data)
        with pytest.raises(UsageError, match="'me/flat' is registered in this process alone"):
            decode_in_fresh_process(file, tmp_path / "a.png", "me/flat")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gcx"]
