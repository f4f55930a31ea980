"""Size targets: never exceeded whatever the codec does, met closely where it is well behaved."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcodec.errors import TargetTooSmall, UsageError
from gcodec.pipeline.ratecontrol import Target, search


@given(
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=40),
    limit=st.integers(0, 300),
)
def test_no_codec_however_wild_makes_it_exceed_the_limit(sizes: list[int], limit: int) -> None:
    def size(quality: float) -> int:
        return sizes[min(int(quality * len(sizes)), len(sizes) - 1)]

    try:
        quality = search("wild", size, limit)
    except TargetTooSmall as error:
        assert sizes[0] > limit
        assert (error.embedding, error.target) == ("wild", limit)
        assert size(search("wild", size, error.smallest)) <= error.smallest, "what it says will do"
    else:
        assert size(quality) <= limit


@given(scale=st.integers(1, 5000), power=st.floats(0.2, 4), share=st.floats(0.0, 1.0))
def test_of_a_monotone_codec_it_finds_the_highest_quality_that_fits(
    scale: int, power: float, share: float
) -> None:
    def size(quality: float) -> int:
        return 10 + int(scale * quality**power)

    limit = 10 + int(scale * share)
    quality = search("smooth", size, limit)
    better = min(1.0, quality + 2**-10)
    assert size(quality) <= limit
    assert better == quality or size(better) > limit


@pytest.mark.parametrize(("octets", "last"), [(5, 1.0), (100_000, 0.0)])
def test_far_from_the_limit_the_end_is_asked_for_next(octets: int, last: float) -> None:
    asked: list[float] = []

    def size(quality: float) -> int:
        asked.append(quality)
        return octets

    if last:
        assert search("small", size, 1000) == last
    else:
        with pytest.raises(TargetTooSmall):
            search("large", size, 1000)
    assert asked == [0.5, last]


@pytest.mark.parametrize("limit", [700, 5_000, 20_000, 30_000])
def test_sizes_exponential_in_quality_are_met_in_a_few_tries(limit: int) -> None:
    """The bytes of `ntc` for one photograph, at eleven qualities; between them interpolated."""
    bytes_ = (652, 915, 1322, 2104, 3312, 5100, 8320, 12651, 18665, 26596, 36820)
    asked: list[float] = []

    def size(quality: float) -> int:
        asked.append(quality)
        return int(np.exp(np.interp(quality, np.linspace(0, 1, 11), np.log(bytes_))))

    quality = search("exponential", size, limit, 256)
    assert size(quality) <= limit < size(quality + 1 / 255)
    assert len(asked) - 2 <= 7


def test_a_search_asks_a_dozen_times_at_most() -> None:
    asked: list[float] = []

    def size(quality: float) -> int:
        asked.append(quality)
        return int(1e5 * quality)

    search("large", size, 77_777)
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

    def size(quality: float) -> int:
        assert quality * top == pytest.approx(round(quality * top)), "between two levels"
        tried.append(round(quality * top))
        return sizes[tried[-1]]

    quality = search("grid", size, limit, len(sizes))
    assert sizes[round(quality * top)] == max(size for size in sizes if size <= limit)
    assert round(quality * top) in tried
    assert len(set(tried)) == len(tried), "one quality was tried twice"
    # Of four steps in a row at least one halves what is left.
    assert len(tried) <= 4 * math.ceil(math.log2(len(sizes) + 1))


@given(
    power=st.floats(0.7, 1.4),
    wrong=st.floats(0.7, 1.4),
    skew=st.floats(-0.2, 0.2),
    share=st.floats(0.05, 0.95),
)
def test_where_sizes_are_about_known_it_takes_few_steps(
    power: float, wrong: float, skew: float, share: float
) -> None:
    """Two levels have one file each, as with `ntc`."""
    tried: set[int] = set()

    def true(level: int) -> int:
        return int(600 * math.exp(4 * (level / 255) ** power))

    def size(quality: float) -> int:
        tried.add(round(quality * 511) // 2)
        return true(round(quality * 511) // 2)

    def about(quality: float) -> float:
        return wrong * math.exp(skew * quality) * 600 * math.exp(4 * quality**power)

    limit = true(round(share * 255))
    level = round(search("known", size, limit, 512, about) * 511) // 2
    assert true(level) <= limit < true(level + 1)
    assert len(tried) <= 6


@given(
    guesses=st.lists(st.floats(0, 1e12), min_size=2, max_size=30),
    steps=st.lists(st.integers(0, 50), min_size=2, max_size=200),
    share=st.floats(0.0, 1.0),
)
def test_what_is_said_about_sizes_may_be_nonsense(
    guesses: list[float], steps: list[int], share: float
) -> None:
    sizes = [sum(steps[: level + 1]) for level in range(len(steps))]
    top, tried = len(sizes) - 1, []

    def size(quality: float) -> int:
        tried.append(round(quality * top))
        return sizes[tried[-1]]

    limit = sizes[0] + int(share * (sizes[-1] - sizes[0]))
    at = search("odd", size, limit, len(sizes), lambda q: guesses[int(q * (len(guesses) - 1))])
    assert sizes[round(at * top)] == max(size for size in sizes if size <= limit)
    assert len(set(tried)) == len(tried) <= 4 * math.ceil(math.log2(len(sizes) + 1))


@pytest.mark.parametrize("cliff", [1, 700, 4095])
def test_a_cliff_is_found_by_bisection(cliff: int) -> None:
    """Sizes that say nothing of where the limit lies: all small, then all large."""
    tried: list[int] = []

    def size(quality: float) -> int:
        tried.append(round(quality * 4095))
        return 10 if tried[-1] < cliff else 1_000_000

    assert round(search("cliff", size, 5000, 4096) * 4095) == cliff - 1
    assert len(tried) <= 48


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
