"""Files of `text_sketch`: small as promised, caption and edges come back, hostile layers are refused."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gcodec.builtin.edges import edge_strength
from gcodec.entropy import RowDecoder
from gcodec.entropy.captions import LONGEST
from gcodec.errors import InvalidOption, PayloadError
from gcodec.interfaces import Setup, Size
from gcodec.pictures import load_image
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.stage1 import open_stage1
from gcodec.run import Run
from gcodec.signals import Text
from gcodec.testing import pictures
from gcodec_text_sketch import colour, sketch
from gcodec_text_sketch.embedding import CELLS, TextSketch, _steps, _take_apart

KODIM23 = Path(__file__).parents[3] / "tests" / "images" / "kodim23.png"
CAPTION = "Two birds with colorful feathers in front of green leaves."
SIZE = Size(40, 56)
DEFAULTS = {"text": "", "others": "", "captioner": "", "colour": "small"}


def make(**options: Any) -> TextSketch:
    return TextSketch(Setup(Run(), DEFAULTS | options))


def layer(quality: float, **options: Any) -> bytes:
    codec = make(**options)
    pixels = pictures.as_picture(pictures.photograph(*SIZE)).pixels
    (data,) = codec.encode(codec.analyse(pixels), quality)
    return data


@pytest.mark.skipif(not KODIM23.exists(), reason="the photograph is not part of this copy")
@pytest.mark.parametrize(("quality", "most"), [(0.0, 100), (0.5, 500), (0.75, 1000)])
def test_a_photograph_with_caption_is_small(quality: float, most: int) -> None:
    picture = load_image(KODIM23)
    made = encode(picture, "text_sketch", target=Target(quality=quality), options={"text": CAPTION})
    assert len(made.data) < most
    text, preview, edges = open_stage1(made.data).signals()
    assert isinstance(text, Text) and text.value == CAPTION
    true = edge_strength(picture.pixels)
    if quality > 0:
        assert np.corrcoef(cells(edges.edges), cells(true))[0, 1] > 0.55 + 0.2 * quality
    # Ends of the quality dial keep the sum of strength: the denoiser was trained with true edges.
    assert edges.edges.mean() == pytest.approx(true.mean(), rel=0.2)
    assert np.mean(np.square(preview.pixels - picture.pixels)) == pytest.approx(
        preview.mse, rel=0.03
    )


def cells(edges: np.ndarray) -> np.ndarray:
    """Means over 4 x 4 pixels, as the denoiser sees them."""
    _, h, w = edges.shape
    return edges.reshape(h // 4, 4, w // 4, 4).mean((1, 3)).ravel()


@pytest.mark.parametrize("text", ["", "é 日本 🙂", "".join(map(chr, range(200, 600))), "\0"])
def test_every_caption_comes_back(text: str) -> None:
    data = layer(0.3, text=text)
    found, _, _ = make().decode((data,), SIZE)
    assert isinstance(found, Text) and found.value == text


def test_no_caption_costs_no_more_than_its_length() -> None:
    assert len(layer(0.3, text=CAPTION)) - len(layer(0.3)) < 20


@pytest.mark.parametrize("text", ["x" * (LONGEST + 1), "\ud800"])
def test_impossible_captions_are_refused(text: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        make(text=text)
    assert caught.value.option == "text"


def test_without_colour_the_preview_is_gray_and_says_how_wrong_it_is() -> None:
    data = layer(1.0, colour="off")
    assert len(data) < len(layer(1.0))
    _, preview, _ = make().decode((data,), SIZE)
    assert np.all(preview.pixels == 0.5)
    original = pictures.as_picture(pictures.photograph(*SIZE)).pixels
    assert np.mean(np.square(original - 0.5)) == pytest.approx(preview.mse, rel=0.03)


def test_quality_0_has_one_cell_of_mean_strength() -> None:
    _, _, edges = make().decode((layer(0.0),), SIZE)
    assert np.ptp(edges.edges) == 0
    original = edge_strength(pictures.as_picture(pictures.photograph(*SIZE)).pixels)
    # Half a level of the square root.
    assert abs(np.sqrt(edges.edges[0, 0, 0]) - np.sqrt(original.mean())) <= 0.5 / sketch.TOP


def test_every_level_gives_its_own_cells_and_more_bytes() -> None:
    codec = make()
    picture = pictures.as_picture(pictures.photograph(192, 256))
    analysis = codec.analyse(picture.pixels)
    lengths = [codec.sizes(analysis, level / (len(CELLS) - 1))[0] for level in range(len(CELLS))]
    assert all(a < b for a, b in pairwise(lengths))


#: Written once, decoded for ever: the layer, and SHA-256 of what was quantized (first 8 bytes).
GOLDEN = (
    ("20540bcfba40fa53e172efe3efe067a6352a7d6e29f071", "e710101f8291e3a6"),
    (
        "29630bcfba40fa53e172efe3efe0061fdbce39bf742c7c8b4d48523e060ded0a32658631339cb22d368eb39dad930e"
        "5f61b0324d9bf3380a53b1a0eb47ff5c570d81",
        "ee2a8cd6a7e19ffd",
    ),
    (
        "326b0bcfba40fa53e172efe3efe0cefb7c3210c0f9f24d11ebedf64424d3f2e91b24a540c47a03d7f4d6face04350c"
        "8e0f4a901240b41d7b21010439b034b3c44da192f629ddc3b9adac06b2a68db0190199ff53746ea4bec69c5f7acc4b"
        "c5b9966e3017020d669441a0648b1955dfa1851fe5df475c68f44eb0f7be62d509431c14ed7ba5fa46b82d1ccd6f12"
        "421c481bcf493c4b367b20bd",
        "aba550e149e2178f",
    ),
)


@pytest.mark.parametrize(("data", "digest"), GOLDEN)
def test_golden_layers(data: str, digest: str) -> None:
    original = pictures.as_picture(pictures.photograph(*SIZE)).pixels
    text, preview, _ = make().decode((bytes.fromhex(data),), SIZE)
    assert text.value == CAPTION
    assert np.mean(np.square(preview.pixels - original)) == pytest.approx(preview.mse, rel=0.04)
    level, _, _, _, stream = _take_apart(bytes.fromhex(data))
    reader = RowDecoder(stream, "test")
    colours = colour.get(SIZE, _steps(level), reader)
    levels = sketch.get(sketch.shape(SIZE, CELLS[level]), reader)
    quantized = np.concatenate([colours.ravel(), levels.ravel()]).astype("<i2").tobytes()
    assert hashlib.sha256(quantized).hexdigest()[:16] == digest


def test_the_levels_are_those_that_files_were_made_with() -> None:
    """Side of a cell and steps of the thumbnail: the golden layers hold three of the nineteen."""
    sides = [0, 64, 48, 40, 32, 28, 24, 20, 16, 14, 12, 11, 10, 9, 8, 7, 6, 5, 4]
    assert list(CELLS) == sides
    assert [_steps(level) for level in range(len(sides))] == list(range(24, 24 + 6 * 19, 6))


def test_hostile_layers_are_refused() -> None:
    good = layer(0.5, text=CAPTION)
    head, caption = good[:2], good[3 : 3 + good[2]]
    stream = good[3 + good[2] :]
    for bad, reason in (
        (b"", "shorter than any"),
        (good[:2], "shorter than any"),
        (bytes([good[0] | 0x80]) + good[1:], "unknown settings"),
        (bytes([len(CELLS)]) + good[1:], "unknown settings"),
        (bytes([good[0] | 0x40]) + good[1:2] + bytes([good[2], 0]) + caption + stream, "settings"),
        (head + b"\xff" + caption, "a caption of 255 bytes in a layer"),
        (head + good[2:3] + caption + stream + b"\0", "zero byte"),
        (head + good[2:3] + caption + stream + b"\x01\x02\x03\x04\x05", "does not end"),
    ):
        with pytest.raises(PayloadError, match=reason):
            make().decode((bad,), SIZE)
    for layers in ((), (good, good)):
        with pytest.raises(PayloadError, match="one layer"):
            make().decode(layers, SIZE)


def test_a_huge_thin_picture_is_bounded() -> None:
    """Frequencies sent depend on the shape of the picture, never on its number of pixels."""
    for size in (Size(1, 65536), Size(65536, 1), Size(3, 65535)):
        plane, u, v, _ = colour._places(size, 132)
        assert plane.size < 200
        assert u.max() < 64 and v.max() < 64


def test_prior_is_the_one_that_files_were_made_with() -> None:
    from gcodec_text_sketch._prior import PRIOR

    digest = hashlib.sha256(bytes(value for row in PRIOR for value in row)).hexdigest()
    assert len(PRIOR) == sum(sketch._CONTEXTS)
    assert digest == "298f7cba238324fc064ae9af48dcd6de614c424a50d54e9e9c693f32f81e6327"
