"""Sketches and thumbnails: what is put comes back, for little; strength and colours are those of the picture."""

from __future__ import annotations

import lzma
from math import isqrt

import numpy as np
import pytest

from gcodec.entropy import PRECISION, RowDecoder, RowEncoder
from gcodec.errors import PayloadError
from gcodec.interfaces import Size
from gcodec.testing import pictures
from gcodec_text_sketch import colour, sketch

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 3), (7, 5), (24, 31)]


def coded(levels: np.ndarray) -> bytes:
    stream = RowEncoder()
    sketch.put(levels, stream)
    return stream.finish()


def scene(h: int, w: int) -> np.ndarray:
    """Levels with lines in them."""
    y, x = np.mgrid[:h, :w]
    lines = (abs((x - 0.7 * y) % 13 - 6) < 1) * 5 + (y % 11 == 3) * 3
    return (1 + lines + (x * 7919 + y * 104729) % 3 // 2).astype(np.int64)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["zeros", "top", "random", "scene"])
def test_levels_come_back(shape: tuple[int, int], kind: str) -> None:
    levels = {
        "zeros": np.zeros(shape, np.int64),
        "top": np.full(shape, sketch.TOP),
        "random": np.random.default_rng(1).integers(0, sketch.TOP + 1, shape),
        "scene": scene(*shape),
    }[kind]
    stream = RowDecoder(coded(levels), "test")
    assert np.array_equal(sketch.get(shape, stream), levels)
    stream.finish()


def test_waves_visit_every_cell_once_after_its_neighbours() -> None:
    for h, w in SHAPES:
        seen = np.zeros((h, w), bool)
        for rows, columns in sketch._waves((h, w)):
            for y, x in zip(rows, columns, strict=True):
                for down, right, _ in sketch._NEIGHBOURS.values():
                    if y + down >= 0 and 0 <= x + right < w:
                        assert seen[y + down, x + right]
            assert not seen[rows, columns].any()
            seen[rows, columns] = True
        assert seen.all()


def by_the_letter(levels: np.ndarray) -> list[list[int]]:
    """Frequencies of each cell as the module's docstring defines them, one cell at a time."""
    from gcodec_text_sketch._prior import PRIOR

    h, w = levels.shape
    counts = [list(row) for row in PRIOR]

    def at(y: int, x: int) -> int:
        return int(levels[y, x]) if y >= 0 and 0 <= x < w else 3

    found = []
    for t in range(w + 2 * h):
        wave = [(y, t - 2 * y) for y in range(h) if 0 <= t - 2 * y < w]
        seen = []
        for y, x in wave:
            west, north, nw, ne = at(y, x - 1), at(y - 1, x), at(y - 1, x - 1), at(y - 1, x + 1)
            s = 4 * west + 4 * north + 2 * nw + 2 * ne + at(y, x - 2) + at(y - 2, x)
            mean = isqrt(2 * s)
            unrest = abs(west - nw) + abs(north - nw) + abs(north - ne)
            first = 4 * mean + min((unrest + 1) // 2, 3)
            second = 76 + 8 * min(west, 7) + min(north, 7)
            both = [a + b for a, b in zip(counts[first], counts[second], strict=True)]
            row = [1 + c * ((1 << 24) - 13) // sum(both) for c in both]
            row[0] += (1 << 24) - sum(row)
            found.append(row)
            seen.append((first, second, int(levels[y, x])))
        for first, second, level in seen:
            counts[first][level] += 16
            counts[second][level] += 16
    return found


def test_frequencies_are_those_of_the_docstring() -> None:
    levels = scene(9, 14)
    model, found = sketch._Model(levels.shape), []
    for y, x in sketch._waves(levels.shape):
        rows = model.frequencies(y, x)
        assert (rows.sum(1) == 1 << PRECISION).all() and rows.min() >= 1
        found += rows.tolist()
        model.learn(levels[y, x])
    assert found == by_the_letter(levels)


def test_half_the_bytes_of_a_general_compressor() -> None:
    picture = pictures.as_picture(pictures.photograph(256, 384)).pixels
    from gcodec.builtin.edges import edge_strength

    levels = sketch.analyse(edge_strength(picture), 8)
    raw = levels.astype(np.uint8).tobytes()
    general = len(lzma.compress(raw, format=lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2}]))
    assert len(coded(levels)) < 0.75 * general


def test_strength_is_the_mean_of_each_cell() -> None:
    edges = np.zeros((1, 10, 7), np.float32)
    edges[0, 4:8, 4:7] = 0.25  # a cell of 4 x 3 pixels at the border
    edges[0, 8:10, 0:4] = np.array([1, 0, 0, 0], np.float32)
    levels = sketch.analyse(edges, 4)
    assert levels.tolist() == [[0, 0], [0, 6], [6, 0]]
    assert sketch.shape(Size(10, 7), 4) == (3, 2)
    assert sketch.shape(Size(10, 7), 0) == (1, 1)


def test_levels_are_interpolated_between_centres() -> None:
    levels = np.array([[0, 6]])
    row = np.sqrt(sketch.synthesize(levels, Size(1, 8), 4)[0, 0])
    assert row == pytest.approx([0, 0, 0.0625, 0.1875, 0.3125, 0.4375, 0.5, 0.5])
    assert sketch.synthesize(np.array([[12]]), Size(3, 5), 0).min() == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 3), (33, 57)])
@pytest.mark.parametrize("n", [24, 78, 132])
def test_thumbnail_comes_back(size: tuple[int, int], n: int) -> None:
    for pixels in (
        pictures.as_picture(pictures.photograph(*size)).pixels,
        np.random.default_rng(2).random((3, *size)).astype(np.float32),
    ):
        multiples = colour.analyse(pixels, n)
        stream = RowEncoder()
        colour.put(multiples, Size(*size), n, stream)
        reader = RowDecoder(stream.finish(), "test")
        assert np.array_equal(colour.get(Size(*size), n, reader), multiples)
        reader.finish()


def test_thumbnail_of_one_colour_is_that_colour() -> None:
    for rgb in ((1, 1, 1), (0, 0, 0), (0.8, 0.2, 0.1), (0, 0, 1)):
        pixels = np.broadcast_to(np.array(rgb, np.float32)[:, None, None], (3, 20, 30))
        shown = colour.synthesize(colour.analyse(pixels, 132), Size(20, 30), 132)
        assert np.abs(shown - pixels).max() < 0.02


def test_thumbnail_is_the_picture_low_passed() -> None:
    y, x = np.mgrid[0:48, 0:64]
    smooth = (
        0.5
        + 0.2 * np.cos(np.pi * 2 * (2 * y + 1) / 96)
        + 0.1 * np.cos(np.pi * 3 * (2 * x + 1) / 128)
    )
    pixels = np.stack([smooth] * 3).astype(np.float32)
    fine = pixels + 0.1 * ((x + y) % 2 - 0.5)
    shown = colour.synthesize(colour.analyse(fine.astype(np.float32), 132), Size(48, 64), 132)
    assert np.abs(shown - pixels).max() < 0.02


def test_frequencies_of_coefficients_have_their_mean() -> None:
    for mean, square in ((150 * 132, 1), (54 * 78, 25), (13 * 24, 4), (54 * 24, 107)):
        row = colour._row(mean, square)
        assert row.sum() == 1 << PRECISION and row.min() >= 1
        steps = (np.arange(row.size) + 1) // 2
        wanted = mean / 1000 / square**0.5
        assert (row * steps).sum() / row.sum() == pytest.approx(wanted, rel=0.05)


def test_cut_streams_are_refused() -> None:
    data = coded(scene(24, 31))
    with pytest.raises(PayloadError):
        stream = RowDecoder(data[: len(data) // 2].rstrip(b"\0"), "test")
        sketch.get((24, 31), stream)
        stream.finish()
