"""A Dataset over folders and tars, in spawned workers too, and the decoder of WebDataset."""

from __future__ import annotations

import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gcodec
from gcodec.errors import InvalidArgument

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader  # noqa: E402

from gcodec_doors.torch import GcxDataset, GcxError  # noqa: E402
from gcodec_doors.webdataset import decoder  # noqa: E402


@pytest.fixture(scope="module")
def folder(parrot: Image.Image, webp: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """b.gcx, deep/a.gcx (gray), and what is no picture."""
    place = tmp_path_factory.mktemp("files")
    (place / "deep").mkdir()
    (place / "b.gcx").write_bytes(webp)
    gray = gcodec.encode(parrot.convert("L"), "webp", target=gcodec.Target(quality=0.5))
    (place / "deep" / "a.gcx").write_bytes(gray.data)
    (place / ".hidden.gcx").write_bytes(b"")
    (place / "notes.txt").write_text("no picture")
    return place


@pytest.fixture(scope="module")
def shard(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shards") / "00000.tar"
    with tarfile.open(path, "w") as tar:
        tar.add(folder / "deep" / "a.gcx", "0000.gcx")
        tar.add(folder / "notes.txt", "0000.txt")
        tar.add(folder / "b.gcx", "0001.gcx")
    return path


def half(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[:, ::2, ::2]


def test_folders_and_tars_hold_the_same(folder: Path, shard: Path) -> None:
    files, members = GcxDataset(folder), GcxDataset(shard)
    assert files.keys == ["b.gcx", "deep/a.gcx"] and members.keys == ["0000.gcx", "0001.gcx"]
    due = gcodec.decode(folder / "b.gcx").picture.pixels
    assert np.array_equal(files[0].numpy(), due) and torch.equal(files[0], members[1])
    assert torch.equal(files[1], members[0]) and files[1].shape == (3, 96, 128)
    assert len(GcxDataset([folder, shard, folder / "b.gcx"])) == 5


def test_a_folder_of_tars_is_read_as_one(folder: Path, shard: Path, tmp_path: Path) -> None:
    """What `gcodec batch --tars` leaves."""
    for name in "00001.tar", "00000.tar":
        (tmp_path / name).write_bytes(shard.read_bytes())
    (tmp_path / "00000.parquet").write_bytes(b"rows")
    (tmp_path / "b.gcx").write_bytes((folder / "b.gcx").read_bytes())
    shards = GcxDataset(tmp_path)
    assert shards.keys == [f"{n:05d}.tar/{m:04d}.gcx" for n in range(2) for m in range(2)] + [
        "b.gcx"
    ]
    assert torch.equal(shards[1], shards[4]) and torch.equal(shards[3], shards[4])
    (tmp_path / "00002.tar").write_bytes(b"cut")
    with pytest.raises(GcxError, match=r"00002\.tar: it is no folder, \.gcx file or tar"):
        GcxDataset(tmp_path)


def test_another_reconstructor_and_a_transform(folder: Path) -> None:
    data = GcxDataset(folder, recon="bridge", options={"steps": 1}, transform=half)
    due = gcodec.decode(folder / "b.gcx", "bridge", options={"steps": 1}).picture.pixels
    assert np.array_equal(data[0].numpy(), due[:, ::2, ::2])


def test_spawned_workers_decode_and_say_what_fails(folder: Path, tmp_path: Path) -> None:
    whole = GcxDataset(folder, transform=half)
    assert torch.equal(pickle.loads(pickle.dumps(whole))[0], whole[0])
    (tmp_path / "good.gcx").write_bytes((folder / "b.gcx").read_bytes())
    (tmp_path / "wrong.gcx").write_bytes(b"nothing")
    data = GcxDataset([folder, tmp_path])
    loader = DataLoader(data, batch_size=3, num_workers=1, multiprocessing_context="spawn")
    batches = iter(loader)
    assert torch.equal(next(batches), torch.stack([data[n] for n in range(3)]))
    with pytest.raises(GcxError, match=r"wrong\.gcx"):
        next(batches)


def test_sources_without_pictures_say_so(tmp_path: Path) -> None:
    with pytest.raises(GcxError, match=r"there is no \.gcx file"):
        GcxDataset(tmp_path)
    (tmp_path / "a.tar").write_bytes(b"no tar at all")
    for wrong in ("a.tar", "nowhere"):
        with pytest.raises(GcxError, match=f"{wrong}: it is no folder"):
            GcxDataset(tmp_path / wrong)


# WebDataset leaves the tar to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_decoder_of_webdataset(shard: Path) -> None:
    wds = pytest.importorskip("webdataset")
    due = gcodec.decode(member_of(shard, "0001.gcx")).picture
    for kind, shape in (("torch", (3, 96, 128)), ("numpy", (96, 128, 3)), ("pil", (96, 128, 3))):
        handler = pickle.loads(pickle.dumps(decoder(kind)))
        first, second = wds.WebDataset(str(shard), shardshuffle=False).decode(handler)
        assert first["txt"] == "no picture"
        assert np.asarray(first["gcx"]).shape == np.asarray(second["gcx"]).shape == shape
        samples = due.pixels if kind == "torch" else due.to_array()
        assert np.array_equal(np.asarray(second["gcx"]), samples)


def test_the_decoder_leaves_others_alone_and_names_what_fails() -> None:
    handler = decoder("numpy")
    assert handler(".png", b"\x89PNG") is None
    with pytest.raises(GcxError, match=r"\.gcx: "):
        handler(".gcx", b"nothing")
    with pytest.raises(InvalidArgument, match="torch, numpy, pil"):
        decoder("jax")  # type: ignore[arg-type]


def member_of(shard: Path, name: str) -> bytes:
    with tarfile.open(shard) as tar:
        member = tar.extractfile(name)
        assert member is not None
        return member.read()
