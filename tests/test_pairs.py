"""Every installed embedding with every installed reconstructor, through a file and a fresh process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import gcodec_formats as gcx
from gcodec.builtin.edges import edge_strength
from gcodec.errors import NoPath
from gcodec.pictures import load_image
from gcodec.pipeline.resolver import matrix
from gcodec.registry import registry
from gcodec.signals import Sketch, kind_and_space
from gcodec_eval import metrics

if TYPE_CHECKING:
    from gcodec.pictures import Picture

Command = Callable[..., CompletedProcess[str]]
Pair = tuple[str, str]

#: The first test waits for the pictures of all pairs.
pytestmark = pytest.mark.timeout(900)
#: Bits a pixel of the files; small pictures cost more than large ones.
RATE = 1.2
#: Of those that have no files as small as that.
RATES = {"lossless": 4.0}
WORKER = Path(__file__).with_name("pairs_worker.py")
ROWS = {(row.embedding, row.reconstructor): row for row in matrix(registry())}
EMBEDDINGS = list(registry().embeddings)
#: Kinds of signals that say what a picture looks like, and not only where its edges are.
PICTURES = ("preview", "latent", "tokens", "noisy")


def work(jobs: list[list[Any]], folder: Path, threads: int = 1) -> list[dict[str, Any]]:
    """The results of `jobs`, done in one new process."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GCODEC_")}
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, str(WORKER), json.dumps(jobs)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment | limits,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


@contextmanager
def moved_away(path: Path, folder: Path) -> Iterator[None]:
    hidden = path.rename(folder.parent / f"{folder.name}.hidden")
    try:
        yield
    finally:
        hidden.rename(path)


def test_what_is_installed_works_at_all() -> None:
    assert not [(p.name, p.error) for p in registry().plugins if p.error]


def test_pairs_without_a_path_say_why() -> None:
    for row in ROWS.values():
        assert (row.path is None) == bool(row.reason)


@pytest.fixture(scope="module")
def files(crop: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of each embedding that can be used here."""
    folder = tmp_path_factory.mktemp("files")
    jobs = [
        ["encode", str(crop), name, RATES.get(name, RATE), f"{name}.gcx"] for name in EMBEDDINGS
    ]
    made = work(jobs, folder)
    return {
        name: folder / f"{name}.gcx"
        for name, found in zip(EMBEDDINGS, made, strict=True)
        if "missing" not in found
    }


@pytest.fixture(scope="module")
def decoded(
    files: dict[str, Path], crop: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[Pair, tuple[Path, str]]:
    """The picture of each pair that has a path, and how it came about.

    Two new processes, each with files of every other embedding and nothing else; the original is moved away.
    """
    root = tmp_path_factory.mktemp("decoded")

    def received(names: list[str]) -> dict[Pair, tuple[Path, str]]:
        folder = root / names[0].replace("/", "-")
        folder.mkdir()
        places = {name: name.replace("/", "-") for name in names}
        for name, place in places.items():
            shutil.copy(files[name], folder / f"{place}.gcx")
        pairs = [pair for pair, row in ROWS.items() if pair[0] in names and row.path]
        pictures = [f"{places[name]}.{recon}.png" for name, recon in pairs]
        jobs = [
            ["decode", f"{places[pair[0]]}.gcx", pair[1], picture]
            for pair, picture in zip(pairs, pictures, strict=True)
        ]
        return {
            pair: (folder / picture, found["path"])
            for pair, picture, found in zip(pairs, pictures, work(jobs, folder), strict=True)
        }

    lots = [lot for lot in (list(files)[::2], list(files)[1::2]) if lot]
    with moved_away(crop, root), ThreadPoolExecutor(2) as two:
        return {pair: made for some in two.map(received, lots) for pair, made in some.items()}


@pytest.mark.parametrize("pair", ROWS, ids="-".join)
def test_every_pair_goes_through_a_file_and_a_fresh_process(
    pair: Pair, files: dict[str, Path], decoded: dict[Pair, tuple[Path, str]], picture: Picture
) -> None:
    row = ROWS[pair]
    if row.path is None:
        assert pair not in decoded
        return
    if pair[0] not in files:
        pytest.skip(f"{pair[0]} cannot be used here")
    path, said = decoded[pair]
    assert said == row.path.explain()
    pixels = load_image(path).pixels
    assert pixels.shape == picture.pixels.shape
    if any(kind_and_space(feed)[0] in PICTURES for feed in row.path.feeds):
        # A picture of the same scene: noise would have 5 to 10 dB, an upside-down one 8 to 12.
        assert metrics.psnr(picture.pixels, pixels) > 15
    else:
        # Its edges are where they were, more than those of the picture upside down are.
        there, here, turned = (
            edge_strength(p).ravel() for p in (picture.pixels, pixels, pixels[:, ::-1])
        )
        if any(adapter.target == Sketch.kind for adapter in row.path.adapters):
            seen = edge_strength(load_image(decoded[pair[0], "preview"][0]).pixels).ravel()
            if np.corrcoef(there, seen)[0, 1] < 0.4:
                pytest.skip(f"the preview of {pair[0]} is too coarse to have edges to follow")
        as_they_are, upside_down = (np.corrcoef(there, e)[0, 1] for e in (here, turned))
        assert as_they_are > max(0.1, 1.25 * abs(upside_down))


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_files_are_of_the_size_asked_for_and_registered_ones_cost_twelve_bytes(
    embedding: str, files: dict[str, Path]
) -> None:
    if embedding not in files:
        pytest.skip(f"{embedding} cannot be used here")
    data = files[embedding].read_bytes()
    assert 8 * len(data) / (128 * 96) <= RATES.get(embedding, RATE)
    header = gcx.read_header(data)
    assert header.size == (96, 128)
    if header.identity.id is not None and header.identity.profile is not None:
        layers = len(gcx.read(data).bodies(gcx.MAIN))
        # Each layer of a progressive file has its length and its checksum.
        frames = 6 * layers if gcx.read(data).progressive else 0
        assert 12 <= gcx.overhead(gcx.layout(data)) <= 12 + frames


def test_another_process_makes_the_same_previews_and_finds_the_same_symbols(
    files: dict[str, Path], decoded: dict[Pair, tuple[Path, str]], tmp_path: Path
) -> None:
    """On as many threads, to the bit; symbols on any number."""
    names = [name for name in files if (name, "preview") in decoded]
    jobs = [
        ["decode", str(files[name]), "preview", f"{name.replace('/', '-')}.png"] for name in names
    ]
    checks = [["verify", str(file)] for file in files.values()]
    one = work(jobs + checks, tmp_path)[len(jobs) :]
    assert one == work(checks, tmp_path, threads=2)
    for name in names:
        first, again = (
            load_image(path).pixels
            for path in (decoded[name, "preview"][0], tmp_path / f"{name.replace('/', '-')}.png")
        )
        assert np.array_equal(first, again), name


def test_generated_pictures_are_the_same_again_whatever_the_threads(
    files: dict[str, Path], decoded: dict[Pair, tuple[Path, str]], tmp_path: Path
) -> None:
    """The noise comes from the file's seed; what threads may change is the last bit of a sum."""
    made = {name: spec for name, spec in registry().reconstructors.items() if spec.model}
    pairs = [next(pair for pair in decoded if pair[1] == name) for name in made]
    jobs = [["decode", str(files[e]), r, f"{r}.png"] for e, r in pairs]
    work(jobs, tmp_path, threads=2)
    for pair in pairs:
        first, again = (
            load_image(path).pixels for path in (decoded[pair][0], tmp_path / f"{pair[1]}.png")
        )
        assert np.abs(again - first).max() <= 1.5 / 255, pair


def test_mix_leaves_exactly_what_it_says(crop: Path, gcodec: Command, tmp_path: Path) -> None:
    words = ["mix", crop, "--embed", "ntc,jpeg", "--recon", "preview,flow", "--quality", 0.2]
    done = gcodec(*words, "-o", tmp_path / "out", "--json", "--threads", 1)
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)
    said = {Path(r[key]).name for r in records for key in ("file", "reconstruction", "record")}
    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert found == said | {"crop.sheet.jpg"}
    for record in records:
        assert record["bytes"] == Path(record["file"]).stat().st_size
        assert record["path"] == ROWS[record["embedding"], record["reconstructor"]].path.explain()
        pixels = [load_image(path).pixels for path in (crop, record["reconstruction"])]
        assert record["psnr"] == pytest.approx(metrics.psnr(*pixels), abs=1e-3)


def test_a_pair_without_a_path_is_refused_by_the_command(crop: Path, gcodec: Command) -> None:
    row = next((row for row in ROWS.values() if row.path is None), None)
    if row is None:
        pytest.skip("every installed pair has a path")
    words = ["mix", crop, "--embed", row.embedding, "--recon", row.reconstructor]
    assert gcodec(*words).returncode == NoPath.exit_status
