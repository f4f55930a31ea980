"""What spec/SIZES.md says of grids and of what lies beyond the picture."""

from __future__ import annotations

from math import ceil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.errors import PayloadError
from gcodec.interfaces import Size
from gcodec.pictures import Picture
from gcodec.pipeline.decoding import decode
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.stage1 import Part, open_stage1
from gcodec.registry import registry
from gcodec.signals import Latent, Noisy, Sketch, Tokens
from gcodec_formats import registry as numbers

#: Embedding -> f of the grid that its samples are continued to. Of `ddcm` the number of steps depends on H and W besides.
CONTINUED = {"ntc": 16, "ldm_quant": 8, "rate_variable": 8, "diffc": 8, "perco": 8, "tokens": 8}

ODD = Size(37, 51)
TEXT = Path(__file__).resolve().parents[1] / "spec" / "SIZES.md"


def picture(size: Size) -> NDArray[np.float32]:
    """A smooth picture with some noise, float32 [3, H, W]."""
    y, x = (np.linspace(0, 3, n, dtype=np.float32) for n in size)
    waves = [np.sin(y * (1 + c))[:, None] * np.cos(x * (2 - c / 2))[None] for c in range(3)]
    noise = np.random.default_rng(5).normal(0, 0.03, (3, *size))
    made: NDArray[np.float64] = np.clip(0.5 + 0.4 * np.stack(waves) + noise, 0, 1)
    return made.astype(np.float32)


def continued(pixels: NDArray[np.float32], f: int) -> NDArray[np.float32]:
    """Rule 3, to multiples of f."""
    height, width = pixels.shape[1:]
    rows = np.minimum(np.arange(f * ceil(height / f)), height - 1)
    columns = np.minimum(np.arange(f * ceil(width / f)), width - 1)
    return np.ascontiguousarray(pixels[:, rows][:, :, columns])


def need(name: str) -> None:
    if name not in registry().embeddings:
        pytest.skip(f"{name} is not installed")


def sent(name: str, pixels: NDArray[np.float32], quality: float = 0.4) -> tuple[Part, Size]:
    """What a receiver finds in the file of a picture, and the size in its header."""
    need(name)
    stage1 = open_stage1(encode(Picture(pixels), name, target=Target(quality=quality)).data)
    return stage1.main, stage1.file.header.size


@pytest.mark.parametrize("name", CONTINUED)
def test_samples_beyond_the_picture_are_the_last_ones_again(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture and what it is continued to are one to a receiver, but for the preview's error in the head of `ntc`.

    That chooses latents twice, the second time by what is seen of the picture: here the first choice stays.
    """
    if name == "ntc":
        monkeypatch.setattr("gcodec_ntc.codec._TRIALS", 0)
    small = picture(ODD)
    one, two = (
        part.embedding.symbols(part.layers, size)
        for part, size in (sent(name, x) for x in (small, continued(small, CONTINUED[name])))
    )
    head = 2 if name == "ntc" else 0
    assert one[head:] == two[head:]


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (33, 8)], ids=str)
@pytest.mark.parametrize("name", [*CONTINUED, "ddcm", "text_sketch", "uqdm", "lossless"])
def test_a_picture_of_any_size_comes_back_in_its_size(name: str, size: tuple[int, int]) -> None:
    need(name)
    data = encode(Picture(picture(Size(*size))), name, target=Target(quality=0.2)).data
    assert decode(data, "preview").picture.size == size


@pytest.mark.parametrize(
    ("name", "kind", "shapes"),
    [
        ("ldm_quant", Latent, {(5, 7)}),
        ("rate_variable", Latent, {(5, 7)}),
        ("diffc", Noisy, {(5, 7)}),
        ("ddcm", Noisy, {(5, 7)}),
        ("perco", Tokens, {(3, 4), (2, 2)}),
        ("text_sketch", Sketch, {ODD}),
    ],
)
def test_grids_follow_from_the_size(name: str, kind: type, shapes: set[tuple[int, int]]) -> None:
    found = set()
    for quality in (0.1, 0.9):
        part, size = sent(name, picture(ODD), quality)
        for signal in part.embedding.decode(part.layers, size):
            if isinstance(signal, kind):
                (array,) = (v for v in vars(signal).values() if isinstance(v, np.ndarray))
                found.add(array.shape[-2:])
    assert found == shapes


@pytest.mark.parametrize("name", ["ntc", "ldm_quant", "perco", "tokens"])
def test_symbols_fill_the_grids_of_the_header(name: str) -> None:
    part, _ = sent(name, picture(Size(64, 96)), 0.6)
    with pytest.raises(PayloadError):
        part.embedding.decode(part.layers, Size(224, 96))


@pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")
def test_every_registered_embedding_is_in_the_table() -> None:
    table = TEXT.read_text("utf-8").partition("## 2. Grids")[2].partition("## 3.")[0]
    assert [row.name for row in numbers.EMBEDDINGS if f"`{row.name}`" not in table] == []
