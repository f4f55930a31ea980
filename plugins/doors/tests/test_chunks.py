"""Arrays whose chunks are pictures: written to a real store, read in another process, and refused where they are none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gcodec
from gcodec.errors import FormatError, InvalidArgument

zarr = pytest.importorskip("zarr")
numcodecs = pytest.importorskip("numcodecs")

from zarr.codecs import ShardingCodec  # noqa: E402

from gcodec_doors.numcodecs import Gcx  # noqa: E402
from gcodec_doors.zarr import GcxSerializer  # noqa: E402

READ = """
import sys, numpy, zarr
numpy.save(sys.argv[2], zarr.open_array(sys.argv[1], mode="r")[:])
"""


@pytest.fixture(scope="module")
def stack(parrot: Image.Image) -> np.ndarray:
    """uint8 [3, 64, 64, 3]."""
    whole = np.asarray(parrot)
    return np.stack([whole[:64, :64], whole[:64, 64:], whole[32:, 32:96]])


def near(found: np.ndarray, due: np.ndarray) -> bool:
    assert found.shape == due.shape and found.dtype == np.uint8
    error = found.astype(float) - due
    return bool(10 * np.log10(255**2 / (error**2).mean()) > 25)


def test_a_store_is_read_in_a_process_that_knows_only_the_metadata(
    stack: np.ndarray, tmp_path: Path
) -> None:
    place, read = tmp_path / "photos.zarr", tmp_path / "read.npy"
    array = zarr.create_array(
        place,
        shape=stack.shape,
        chunks=(1, 64, 64, 3),
        dtype="uint8",
        serializer=GcxSerializer(embed="ntc", bpp=2.0),
        compressors=None,
    )
    array[:] = stack
    said = json.loads((place / "zarr.json").read_text())["codecs"]
    assert said == [{"name": "gcodec", "configuration": {"embed": "ntc", "bpp": 2.0}}] or said == [
        {"name": "gcodec", "configuration": {"bpp": 2.0}}
    ]
    chunk = (place / "c/1/0/0/0").read_bytes()
    assert len(chunk) <= 2.0 / 8 * 64 * 64
    subprocess.run([sys.executable, "-c", READ, str(place), str(read)], check=True)
    found = np.load(read)
    assert near(found, stack)
    assert np.array_equal(found[1], gcodec.decode(chunk).picture.to_array())


def test_chunks_at_the_edge_gray_ones_and_shards(stack: np.ndarray, tmp_path: Path) -> None:
    gray = stack[0, :, :50, :1]
    array = zarr.create_array(
        tmp_path / "gray.zarr",
        shape=gray.shape,
        chunks=(32, 32, 1),
        dtype="uint8",
        serializer=GcxSerializer(embed="webp", quality=0.9),
        compressors=None,
    )
    array[:] = gray
    assert near(array[:], gray)
    sharded = zarr.create_array(
        tmp_path / "shards.zarr",
        shape=stack.shape,
        chunks=(3, 64, 64, 3),
        dtype="uint8",
        serializer=ShardingCodec(
            chunk_shape=(1, 64, 64, 3),
            codecs=[GcxSerializer(embed="webp", quality=0.9)],
        ),
        compressors=None,
    )
    sharded[:] = stack
    assert near(sharded[2], stack[2])


@pytest.mark.parametrize(
    ("shape", "chunks", "dtype"),
    [
        ((3, 64, 64, 3), (2, 64, 64, 3), "uint8"),
        ((64, 64, 3), (64, 64, 3), "float32"),
        ((64, 64), (64, 64), "uint8"),
        ((64, 64, 4), (64, 64, 4), "uint8"),
    ],
)
def test_what_is_no_picture_is_refused_before_anything_is_written(
    tmp_path: Path, shape: tuple[int, ...], chunks: tuple[int, ...], dtype: str
) -> None:
    with pytest.raises(InvalidArgument, match="a chunk is one picture"):
        zarr.create_array(
            tmp_path / "a.zarr",
            shape=shape,
            chunks=chunks,
            dtype=dtype,
            serializer=GcxSerializer(),
            compressors=None,
        )
    with pytest.raises(InvalidArgument, match="a chunk is one picture"):
        Gcx().encode(np.zeros(chunks, dtype))


def test_a_damaged_chunk_raises(stack: np.ndarray, tmp_path: Path) -> None:
    place = tmp_path / "photos.zarr"
    array = zarr.create_array(
        place,
        shape=stack[0].shape,
        chunks=stack[0].shape,
        dtype="uint8",
        serializer=GcxSerializer(embed="webp"),
        compressors=None,
    )
    array[:] = stack[0]
    chunk = place / "c/0/0/0"
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:60])
    with pytest.raises(FormatError):
        array[:]
    chunk.write_bytes(gcodec.encode(gcodec.Picture.from_array(stack[0, :32]), "webp").data)
    with pytest.raises(ValueError, match="reshape"):
        array[:]


def test_numcodecs_by_name_and_in_a_store_of_version_2(stack: np.ndarray, tmp_path: Path) -> None:
    codec = numcodecs.get_codec({"id": "gcodec", "embed": "webp", "quality": 0.9})
    assert codec == Gcx(embed="webp", quality=0.9) and codec != Gcx(embed="webp")
    assert numcodecs.get_codec(codec.get_config()) == codec and "webp" in repr(codec)
    data = codec.encode(stack[0])
    out = np.empty_like(stack[0])
    assert near(codec.decode(data), stack[0])
    codec.decode(data, out)
    assert np.array_equal(out, codec.decode(data))
    array = zarr.create_array(
        tmp_path / "old.zarr",
        shape=stack.shape,
        chunks=(1, 64, 64, 3),
        dtype="uint8",
        compressors=codec,
        zarr_format=2,
    )
    array[:] = stack
    assert near(zarr.open_array(tmp_path / "old.zarr", mode="r")[:], stack)
