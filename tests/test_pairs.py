"""Every installed embedding with every installed reconstructor, through a file and a fresh process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import gcodec_formats as gcx
from gcodec import metrics
from gcodec.errors import NoPath, UnusablePlugin
from gcodec.images import load_image
from gcodec.interfaces import Setup
from gcodec.options import check_options
from gcodec.pipeline import verify
from gcodec.registry import registry
from gcodec.resolver import matrix
from gcodec.run import Run
from gcodec.stage1 import build

if TYPE_CHECKING:
    from gcodec.images import Picture

Command = Callable[..., CompletedProcess[str]]
Records = dict[tuple[str, str], dict[str, Any]]

#: Bits a pixel of the files; small pictures cost more than large ones.
RATE = 1.2


def _usable(name: str) -> bool:
    """Whether an embedding can be set up here: a wheel or weights that it needs may be missing."""
    spec = registry().embeddings[name]
    try:
        run = Run()
        options = check_options(name, spec.options, {})
        build(spec, Setup(run, options, run.models.find(spec.model) if spec.model else None))
    except UnusablePlugin:
        return False
    return True


def test_what_is_installed_works_at_all() -> None:
    assert not [(p.name, p.error) for p in registry().plugins if p.error]


def test_pairs_without_a_path_say_why() -> None:
    for row in matrix(registry()):
        assert (row.path is None) == bool(row.reason)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mix")


@pytest.fixture(scope="module")
def records(folder: Path, crop: Path, gcodec: Command) -> Records:
    """The records of ``gcodec mix`` over every pair that has a path; one call for each embedding, two at a time."""

    def mixed(name: str) -> list[dict[str, Any]]:
        rows = [row for row in matrix(registry()) if row.embedding == name and row.path]
        if not (rows and _usable(name)):
            return []
        words = ["mix", crop, "--embed", name, "--recon", ",".join(r.reconstructor for r in rows)]
        done = gcodec(*words, "--bpp", RATE, "-o", folder, "--json", "--threads", 1)
        assert done.returncode == 0, done.stderr
        records: list[dict[str, Any]] = json.loads(done.stdout)
        return records

    with ThreadPoolExecutor(2) as two:
        found = [record for made in two.map(mixed, registry().embeddings) for record in made]
    return {(record["embedding"], record["reconstructor"]): record for record in found}


PAIRS = [(row.embedding, row.reconstructor) for row in matrix(registry())]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_every_pair_goes_through_a_file_and_a_fresh_process(
    pair: tuple[str, str], records: Records, picture: Picture
) -> None:
    row = next(r for r in matrix(registry()) if (r.embedding, r.reconstructor) == pair)
    if row.path is None:
        assert pair not in records
        return
    if not _usable(pair[0]):
        pytest.skip(f"{pair[0]} cannot be used here")
    record = records[pair]
    file, made = Path(record["file"]), Path(record["reconstruction"])
    assert record["bytes"] == file.stat().st_size
    assert record["bpp"] <= RATE
    assert record["bpp"] == pytest.approx(8 * record["bytes"] / (128 * 96), abs=1e-5)
    assert gcx.read_header(file.read_bytes()).size == (96, 128)
    assert record["path"] == row.path.explain()
    again = load_image(made).pixels
    assert again.shape == picture.pixels.shape
    assert record["psnr"] == pytest.approx(metrics.psnr(picture.pixels, again), abs=1e-3)
    # A picture of the same scene: noise would have 5 to 10 dB, an upside-down one 8 to 12.
    assert record["psnr"] > 15
    assert json.loads(Path(record["record"]).read_text("utf-8")) == record


def test_the_command_leaves_exactly_what_it_says(records: Records, folder: Path) -> None:
    said = {
        Path(r[key]).name for r in records.values() for key in ("file", "reconstruction", "record")
    }
    assert {path.name for path in folder.iterdir()} == said


def test_registered_files_cost_twelve_bytes(
    records: Records,
) -> None:
    for record in records.values():
        data = Path(record["file"]).read_bytes()
        identity = gcx.read_header(data).identity
        if identity.id is not None and identity.profile is not None:
            layers = len(gcx.read(data).bodies(gcx.MAIN))
            # Each layer of a progressive file has its length and its checksum.
            frames = 6 * layers if gcx.read(data).progressive else 0
            assert 12 <= gcx.overhead(gcx.layout(data)) <= 12 + frames, record["embedding"]


@contextmanager
def moved_away(path: Path, folder: Path) -> Iterator[None]:
    hidden = path.rename(folder.parent / f"{folder.name}.hidden")
    try:
        yield
    finally:
        hidden.rename(path)


@pytest.mark.parametrize("embedding", registry().embeddings)
def test_decoding_needs_the_file_alone_and_gives_the_same_picture_again(
    embedding: str, records: Records, crop: Path, tmp_path: Path, gcodec: Command
) -> None:
    """The original is moved away, the file lies alone in an empty folder, the process is a new one."""
    record = records.get((embedding, "preview"))
    if record is None:
        pytest.skip(f"{embedding} makes no preview, or cannot be used here")
    shutil.copy(record["file"], tmp_path / "x.gcx")
    with moved_away(crop, tmp_path):
        words = ("decode", "x.gcx", "--recon", "preview", "--threads", 1)  # as the pairs were made
        done = gcodec(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first = load_image(Path(record["reconstruction"])).pixels
    assert np.array_equal(load_image(tmp_path / "x.png").pixels, first)


@pytest.mark.parametrize(
    "embedding", [n for n, spec in registry().embeddings.items() if spec.parse_class != "A"]
)
def test_neither_process_nor_threads_decide_the_symbols(
    embedding: str, records: Records, gcodec: Command
) -> None:
    file = next(r["file"] for pair, r in records.items() if pair[0] == embedding)
    done = gcodec("verify", file, "--json", "--threads", 1)
    assert done.returncode == 0, done.stderr
    here = verify(Path(file).read_bytes())
    assert json.loads(done.stdout)["symbols"] == here["symbols"]


@pytest.mark.parametrize(
    "reconstructor", [name for name, spec in registry().reconstructors.items() if spec.model]
)
def test_a_generated_picture_is_the_same_again_from_the_file_alone_whatever_the_threads(
    reconstructor: str, records: Records, crop: Path, tmp_path: Path, gcodec: Command
) -> None:
    """The noise comes from the file's seed; what threads may change is the last bit of a sum."""
    record = next(r for pair, r in records.items() if pair[1] == reconstructor)
    shutil.copy(record["file"], tmp_path / "x.gcx")
    words = ("decode", "x.gcx", "--recon", reconstructor, "--threads", 1)
    with moved_away(crop, tmp_path):
        done = gcodec(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first = load_image(Path(record["reconstruction"])).pixels
    assert np.abs(load_image(tmp_path / "x.png").pixels - first).max() <= 1.5 / 255


def test_a_pair_without_a_path_is_refused_by_the_command(crop: Path, gcodec: Command) -> None:
    row = next((row for row in matrix(registry()) if row.path is None), None)
    if row is None:
        pytest.skip("every installed pair has a path")
    words = ["mix", crop, "--embed", row.embedding, "--recon", row.reconstructor]
    assert gcodec(*words).returncode == NoPath.exit_status
