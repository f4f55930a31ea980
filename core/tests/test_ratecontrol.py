"""Size targets: never exceeded whatever the codec does, met closely where it is well behaved."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcodec.errors import TargetTooSmall, UsageError
from gcodec.ratecontrol import Target, search


@given(
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=40),
    limit=st.integers(0, 300),
)
def test_no_codec_however_wild_makes_it_exceed_the_limit(sizes: list[int], limit: int) -> None:
    def make(quality: float) -> bytes:
        return bytes([1]) * sizes[min(int(quality * len(sizes)), len(sizes) - 1)]

    try:
        data, quality = search("wild", make, limit)
    except TargetTooSmall as error:
        assert sizes[0] > limit
        assert (error.embedding, error.target, error.smallest) == ("wild", limit, sizes[0])
    else:
        assert len(data) <= limit
        assert data == make(quality), "the file is not the one of the quality returned"


@given(scale=st.integers(1, 5000), power=st.floats(0.2, 4), share=st.floats(0.0, 1.0))
def test_of_a_monotone_codec_it_finds_the_largest_file_that_fits(
    scale: int, power: float, share: float
) -> None:
    def make(quality: float) -> bytes:
        return bytes(10 + int(scale * quality**power))

    limit = 10 + int(scale * share)
    data, quality = search("smooth", make, limit)
    better = min(1.0, quality + 2**-10)
    assert len(data) <= limit
    assert better == quality or len(make(better)) > limit


def test_a_codec_that_always_fits_gives_its_best_in_two_tries() -> None:
    asked: list[float] = []

    def make(quality: float) -> bytes:
        asked.append(quality)
        return bytes(5)

    assert search("small", make, 1000) == (bytes(5), 1.0)
    assert asked == [0.0, 1.0]


def test_a_search_asks_a_dozen_times_at_most() -> None:
    asked: list[float] = []

    def make(quality: float) -> bytes:
        asked.append(quality)
        return bytes(int(1e5 * quality))

    search("large", make, 77_777)
    assert len(asked) <= 12
    assert len(set(asked)) == len(asked), "one quality was tried twice"


@given(steps=st.lists(st.integers(0, 50), min_size=2, max_size=300), share=st.floats(0.0, 1.0))
def test_on_the_embeddings_own_grid_it_finds_the_very_best_in_few_tries(
    steps: list[int], share: float
) -> None:
    sizes = [sum(steps[: level + 1]) for level in range(len(steps))]
    limit = sizes[0] + int(share * (sizes[-1] - sizes[0]))
    top = len(sizes) - 1
    tried: list[int] = []

    def make(quality: float) -> bytes:
        assert quality * top == pytest.approx(round(quality * top)), "between two levels"
        tried.append(round(quality * top))
        return bytes(sizes[tried[-1]])

    data, quality = search("grid", make, limit, len(sizes))
    assert len(data) == max(size for size in sizes if size <= limit)
    assert round(quality * top) in tried
    assert len(set(tried)) == len(tried), "one quality was tried twice"
    # Interpolating and halving in turn is at worst twice as slow as halving.
    assert len(tried) <= 2 + 2 * math.ceil(math.log2(len(sizes)))


def test_limits_count_the_whole_file() -> None:
    assert Target(bpp=0.3).limit(768 * 512) == 14745
    assert Target(bpp=8).limit(1) == 1
    assert Target(bytes=100).limit(5) == 100
    assert Target(quality=0.3).limit(5) is None
    assert Target().limit(5) is None


@given(bpp=st.floats(1e-6, 64), pixels=st.integers(1, 1 << 28))
def test_a_rate_becomes_bytes_that_do_not_exceed_it(bpp: float, pixels: int) -> None:
    limit = Target(bpp=bpp).limit(pixels)
    assert limit is not None
    assert 8 * limit <= bpp * pixels < 8 * (limit + 1) * (1 + 1e-12)


@pytest.mark.parametrize(
    "asked",
    [
        {"quality": 0.5, "bpp": 1.0},
        {"bpp": 1.0, "bytes": 10},
        {"quality": 0.1, "bpp": 1.0, "bytes": 10},
        {"quality": -0.01},
        {"quality": 1.01},
        {"quality": math.nan},
        {"bpp": 0.0},
        {"bpp": -1.0},
        {"bpp": math.inf},
        {"bpp": math.nan},
        {"bytes": 0},
        {"bytes": -5},
    ],
    ids=str,
)
def test_impossible_targets_are_refused(asked: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Target(**asked)  # type: ignore[arg-type]


def test_zero_is_a_quality_and_not_the_absence_of_one() -> None:
    assert Target(quality=0.0).quality == 0.0
    with pytest.raises(UsageError):
        Target(quality=0.0, bytes=100)
