"""A session: the bytes and pictures of separate calls, with every network opened once."""

from __future__ import annotations

import gc
import random
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

import gcodec
from gcodec.errors import UnusablePlugin, UsageError
from gcodec.models import Model
from gcodec.pipeline.resolver import matrix
from gcodec.registry import registry

torch = pytest.importorskip("torch")

if TYPE_CHECKING:
    from gcodec.pictures import Picture

LOW = gcodec.Target(quality=0.3)
#: Each embedding with the preview, and each reconstructor with the first embedding that leads to it.
ROWS = [row for row in matrix(registry()) if row.path is not None]
PAIRS = {(name, "preview") for name in registry().embeddings} | {
    next((row.embedding, name) for row in ROWS if row.reconstructor == name)
    for name in registry().reconstructors
}


@pytest.fixture(scope="module")
def pictures(picture: Picture) -> tuple[Picture, Picture]:
    """Two pictures of 64 x 64 pixels."""
    pixels = picture.pixels
    return gcodec.Picture(pixels[:, :64, :64]), gcodec.Picture(pixels[:, 32:, 64:])


@pytest.fixture(scope="module")
def session() -> Iterator[gcodec.Session]:
    with gcodec.Session(keep=64) as session:
        yield session


def state() -> list[Any]:
    """Everything in a process that a library must leave alone."""
    generator = np.random.get_state(legacy=False)
    assert isinstance(generator, dict)
    return [
        torch.random.get_rng_state().tolist(),
        (generator["state"]["pos"], generator["state"]["key"].tolist()),
        random.getstate(),
        *(torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()),
        *(torch.are_deterministic_algorithms_enabled(), list(warnings.filters)),
    ]


@pytest.mark.parametrize("pair", sorted(PAIRS), ids="-".join)
def test_a_session_gives_the_same_and_a_call_leaves_no_trace(
    pair: tuple[str, str], pictures: tuple[Picture, Picture], session: gcodec.Session
) -> None:
    embedding, reconstructor = pair
    one, other = pictures
    before = state()
    try:
        alone = gcodec.encode(one, embedding, target=LOW)
    except UnusablePlugin as error:
        pytest.skip(str(error))
    decoded = gcodec.decode(alone.data, reconstructor)
    assert state() == before

    # Another picture, another seed and another pair come in between.
    first = session.encode(one, embedding, target=LOW)
    session.decode(session.encode(other, embedding, target=LOW, seed=7).data, reconstructor)
    session.decode(first.data, reconstructor, seed=5)
    again = session.encode([one, one], embedding, target=LOW)
    found = session.decode([alone.data, again[1].data], reconstructor)
    assert {made.data for made in (alone, first, *again)} == {alone.data}
    for made in found:
        assert np.array_equal(made.picture.pixels, decoded.picture.pixels)
        assert made.path == decoded.path
    assert state() == before


@pytest.mark.parametrize("pair", [("ntc", "flow"), ("perco", "perco"), ("diffc", "ode")])
def test_what_is_open_is_opened_no_second_time(
    pair: tuple[str, str], pictures: tuple[Picture, Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedding, reconstructor = pair
    read: list[str] = []
    load: Callable[..., Any] = Model._load

    def noted(model: Model, *how: Any) -> Any:
        read.append(model.name)
        return load(model, *how)

    monkeypatch.setattr(Model, "_load", noted)
    built: list[str] = []
    # What opens a network: layers of torch's, or a graph.
    for layer in (torch.nn.Conv2d, torch.nn.Linear, onnxruntime.InferenceSession):
        build = layer.__init__

        def counted(self: Any, *args: Any, build: Any = build, **more: Any) -> None:
            built.append(type(self).__name__)
            build(self, *args, **more)

        monkeypatch.setattr(layer, "__init__", counted)
    with gcodec.Session() as session:
        files = session.encode(pictures, embedding, target=LOW)
        session.decode(files[0].data, reconstructor)
        opened = len(read)
        assert opened == len({*read}) > 0
        assert built
        built.clear()
        session.decode([file.data for file in files], reconstructor)
        session.encode(pictures[1], embedding, target=LOW)
        assert (read[opened:], built) == ([], [])
        session.decode(
            files[0].data, reconstructor, seed=3
        )  # a reconstructor is set up for its seed
    gcodec.decode(files[0].data, reconstructor)
    assert len(read) > opened


def test_companions_are_part_of_what_is_kept(pictures: tuple[Picture, Picture]) -> None:
    one, _ = pictures
    small, large = (
        gcodec.encode(one, "webp", target=gcodec.Target(quality=q)).data for q in (0.1, 0.9)
    )
    with gcodec.Session() as session:
        for companion in (small, large, small):
            made = session.encode(one, "ddcm", target=LOW, companions=[companion])
            alone = gcodec.encode(one, "ddcm", target=LOW, companions=[companion])
            assert made.data == alone.data
            shown = session.decode(made.data, "preview").picture.pixels
            assert np.array_equal(shown, gcodec.decode(alone.data, "preview").picture.pixels)


def test_what_a_session_keeps_is_bounded_and_closing_lets_go(
    pictures: tuple[Picture, Picture],
) -> None:
    networks: list[weakref.ref[Any]] = []

    def alive() -> int:
        gc.collect()
        return sum(network() is not None for network in networks)

    with pytest.MonkeyPatch.context() as patch:
        for network in (torch.nn.Module, onnxruntime.InferenceSession):
            build = network.__init__

            def watched(self: Any, *args: Any, build: Any = build, **more: Any) -> None:
                build(self, *args, **more)
                networks.append(weakref.ref(self))

            patch.setattr(network, "__init__", watched)
        data = gcodec.encode(pictures[0], "ntc", target=LOW).data
        assert networks and alive() == 0
        with gcodec.Session(keep=2) as session:
            session.decode(data, "flow")
            few = alive()
            assert few > 0
            for seed in range(1, 5):
                session.decode(data, "flow", seed=seed)
            assert alive() == few
        assert alive() == 0
    with pytest.raises(UsageError, match="closed"):
        session.decode(data)
    session.close()


def test_threads_share_a_session(pictures: tuple[Picture, Picture]) -> None:
    found: dict[int, bytes] = {}
    with gcodec.Session() as session:

        def work(number: int) -> None:
            made = session.encode(pictures[number % 2], "ntc", target=LOW)
            found[number] = session.decode(made.data, "flow").picture.pixels.tobytes()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number, pixels in found.items():
        data = gcodec.encode(pictures[number % 2], "ntc", target=LOW).data
        assert pixels == gcodec.decode(data, "flow").picture.pixels.tobytes()
    assert len(found) == 4


def test_a_caller_in_another_thread_draws_undisturbed(pictures: tuple[Picture, Picture]) -> None:
    """Nothing is set back either: what somebody else draws meanwhile stays drawn."""
    torch.manual_seed(3)
    expected = [torch.rand(1).item() for _ in range(400)]
    torch.manual_seed(3)
    done = threading.Event()

    def work() -> None:
        gcodec.decode(gcodec.encode(pictures[0], "ntc", target=LOW).data, "flow")
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    drawn = []
    for _ in expected:
        drawn.append(torch.rand(1).item())
        done.wait(0.001)
    thread.join()
    assert drawn == expected


def test_the_file_that_fails_is_told(pictures: tuple[Picture, Picture]) -> None:
    with gcodec.Session() as session:
        good = session.encode(pictures[0], "ntc", target=LOW).data
        with pytest.raises(gcodec.GcodecError) as caught:
            session.decode([good, b"GIF89a", good], "preview")
    assert caught.value.__notes__ == ["number 2 of 3"]


def test_several_files_go_to_the_reconstructor_at_once(
    pictures: tuple[Picture, Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of one size, under one seed; each picture is what it is alone, and a bad file is told by its number."""
    from gcodec_flow.latent import LatentFlow

    groups: list[int] = []
    alone = LatentFlow.reconstruct_all

    def counted(self: LatentFlow, several: Any, size: Any) -> Any:
        groups.append(len(several))
        return alone(self, several, size)

    monkeypatch.setattr(LatentFlow, "reconstruct_all", counted)
    shifted = gcodec.Picture(pictures[0].pixels[:, ::-1, :48].copy())
    with gcodec.Session() as session:
        three = [session.encode(one, "webp").data for one in (*pictures, shifted)]
        files = [three[0], three[2], three[1], three[1], three[0]]
        how: dict[str, Any] = {"options": {"steps": 1}}
        singly = session.decode(files, "latent_flow", **how)
        groups.clear()
        made = session.decode(files, "latent_flow", together=4, **how)
        assert groups == [3, 1, 1]
        for one, other in zip(made, singly, strict=True):
            np.testing.assert_allclose(one.picture.pixels, other.picture.pixels, atol=1e-4)
        with pytest.raises(gcodec.GcodecError) as caught:
            session.decode([*files, b"GIF89a"], "preview", together=4)
        assert caught.value.__notes__ == ["number 6 of 6"]
        with pytest.raises(gcodec.errors.UsageError, match="1 file or more"):
            session.decode(files, together=0)


def test_a_reconstructor_is_suggested_by_name_alone_or_with_settings(
    pictures: tuple[Picture, Picture],
) -> None:
    for suggest in ("flow", ("flow", {"steps": np.int64(2)})):
        data = gcodec.encode(pictures[0], "webp", suggest=suggest).data
        decoded = gcodec.decode(data)
        assert (decoded.reconstructor, decoded.suggested) == ("flow", True)
