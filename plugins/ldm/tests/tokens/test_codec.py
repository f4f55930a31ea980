"""Any prefix of the tokens, exact, and what is drawn behind it: the same everywhere, and with the law of the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gcodec.entropy import PRECISION
from gcodec.entropy.integers import Layer
from gcodec.errors import PayloadError
from gcodec.interfaces import Size
from gcodec.randomness import Domain, Randomness
from gcodec_ldm.digits import Visit
from gcodec_ldm.tokens.codec import Codec, Priced, draw
from gcodec_ldm.tokens.examples import Grids
from gcodec_ldm.tokens.network import LevelNetwork
from gcodec_ldm.tokens.order import layers, passes
from gcodec_ldm.tokens.prior import NONE

from .conftest import CONFIG, LEVELS, random_maps

SIZE = Size(100, 150)  # 4x5 tokens, 7x10, 7x10: layers end at 64, 128, 160
SEED = Randomness(3)
TOTAL = 160


def order(size: Size) -> list[tuple[int, int]]:
    """Level and flat position of every token, as they are sent."""
    return [
        (i, int(at))
        for i, (side, _) in enumerate(LEVELS)
        for part in passes(-(-size.height // side), -(-size.width // side))
        for at in part.positions
    ]


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("count", [0, 1, 19, 20, 21, 63, 64, 65, 90, 91, 128, 159, 160])
def test_a_prefix_of_any_length_comes_back(codec: Codec, count: int, complete: bool) -> None:
    maps = random_maps(SIZE)
    parts = Priced(codec, maps, SIZE).encode(count, complete)
    read = codec.decode(parts, SIZE, SEED)
    assert (read.sent, read.complete) == (count, complete)
    for n, (level, at) in enumerate(order(SIZE)):
        token = read.maps[level].flat[at]
        assert token == maps[level].flat[at] if n < count else (token != NONE) == complete
    assert sum(codec.counts(SIZE)) == TOTAL == len(order(SIZE))


@pytest.mark.parametrize("size", [Size(1, 1), Size(1, 600), Size(600, 1), Size(33, 31)], ids=str)
def test_pictures_of_any_shape(codec: Codec, size: Size) -> None:
    maps = random_maps(size)
    priced = Priced(codec, maps, size)
    for count in (0, 1, priced.total // 2, priced.total):
        read = codec.decode(priced.encode(count, True), size, SEED)
        assert [tokens.shape for tokens in read.maps] == [tokens.shape for tokens in maps]
    assert all(map(np.array_equal, read.maps, maps))


def test_a_file_cut_behind_any_layer_holds_its_tokens(codec: Codec) -> None:
    maps = random_maps(SIZE)
    parts = Priced(codec, maps, SIZE).encode(TOTAL, True)
    ends = layers(TOTAL)
    assert len(parts) == len(ends) == 3
    for count, end in enumerate(ends, 1):
        read = codec.decode(parts[:count], SIZE, SEED)
        assert read.sent == end
        assert [maps[i].flat[at] for i, at in order(SIZE)[:end]] == [
            read.maps[i].flat[at] for i, at in order(SIZE)[:end]
        ]


def test_what_is_drawn_does_not_hang_on_where_the_file_was_cut(codec: Codec) -> None:
    """Send of a picture that was drawn as many tokens as you like: the same picture comes back."""
    drawn = codec.decode(Priced(codec, random_maps(SIZE), SIZE).encode(0, True), SIZE, SEED).maps
    priced = Priced(codec, drawn, SIZE)
    for count in (1, 7, 40, 100):
        again = codec.decode(priced.encode(count, True), SIZE, SEED).maps
        assert all(map(np.array_equal, again, drawn))
        other = codec.decode(priced.encode(count, True), SIZE, Randomness(4)).maps
        assert not all(map(np.array_equal, other, drawn))


def test_any_order_of_summation_gives_the_same(
    codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = Priced(codec, random_maps(SIZE), SIZE).encode(30, True)
    straight = codec.decode(parts, SIZE, SEED).maps
    rng = np.random.default_rng(3)

    def permuted(self: Layer, x: np.ndarray, level: int) -> np.ndarray:
        shuffled = rng.permutation(x.shape[1])
        return x[:, shuffled] @ self.weight[shuffled] + self.at(level)

    monkeypatch.setattr(Layer, "__call__", permuted)
    assert all(map(np.array_equal, codec.decode(parts, SIZE, SEED).maps, straight))


def test_bits_are_those_of_the_networks_that_were_trained(
    codec: Codec, networks: list[LevelNetwork]
) -> None:
    """Also: training sees each token in the context in which it is coded."""
    maps = random_maps(SIZE)
    above: Grids | None = None
    for i, (tokens, network) in enumerate(zip(maps, networks, strict=True)):
        found = np.zeros(tokens.size)

        def visit(batch: Visit, i: int = i, found: np.ndarray = found) -> np.ndarray:
            unit = int(np.prod(LEVELS[i][1][: batch.digit]))
            digits = maps[i].flat[batch.positions] // unit % LEVELS[i][1][batch.digit]
            rows = np.arange(len(digits))
            found[batch.positions] += PRECISION - np.log2(batch.frequencies[rows, digits])
            return digits.astype(np.int32)

        codec.level(i, maps[i - 1] if i else None, SIZE, tokens.size, visit)
        above = Grids(tokens.ravel().astype(np.int16), np.array([tokens.shape]), above)
        with torch.no_grad():
            wanted = torch.cat([network(*map(torch.from_numpy, some)) for some in above.all(64)])
        positions = [at for level, at in order(SIZE) if level == i]
        assert np.abs(found[positions] - wanted.numpy()).max() < 0.06
        assert found.std() > 0.3


def test_examples_are_drawn_from_the_passes(networks: list[LevelNetwork]) -> None:
    """A random example is one of those that `all` lists: context, step and token."""
    maps = random_maps(SIZE)
    grids: list[Grids] = []
    for tokens in maps:
        flat = tokens.ravel().astype(np.int16)
        grids.append(Grids(flat, np.array([tokens.shape]), grids[-1] if grids else None))
    rng = np.random.default_rng(1)
    for level in grids:
        listed = {
            tuple(np.concatenate([np.atleast_2d(part.T).T for part in some], 1)[row])
            for some in level.all(1000)
            for row in range(len(some.tokens))
        }
        some = level.sample(rng, 200)
        rows = np.concatenate([np.atleast_2d(part.T).T for part in some], 1)
        assert len(rows) > 50
        assert {tuple(row) for row in rows} <= listed


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """In deviations of its law: mean K - 1, variance 2 (K - 1)."""
    degrees = len(counts) - 1
    return float((((counts - expected) ** 2 / expected).sum() - degrees) / (2 * degrees) ** 0.5)


def test_draws_have_the_law_that_they_would_be_coded_under() -> None:
    """200,000 draws of rows of 2, 7 and 16: chi-square below 5 deviations, which a right one exceeds once in 10,000.

    The ends of the range go to the first and the last symbol.
    """
    rng = np.random.default_rng(5)
    for size in (2, 7, 16):
        weights = rng.dirichlet(np.ones(size)) * (2**PRECISION - 2000 * size)
        row = weights.astype(np.int64) + 2000
        row[0] += 2**PRECISION - row.sum()
        words = Randomness(size).bits(Domain.COMPLETION, 0, 0, 200_000)
        counts = np.bincount(draw(np.tile(row, (len(words), 1)), words), minlength=size)
        assert chi_square(counts, row / 2**PRECISION * len(words)) < 5
        assert draw(row[None], np.array([0], np.uint32))[0] == 0
        assert draw(row[None], np.array([2**32 - 1], np.uint32))[0] == size - 1


def test_a_completed_picture_has_the_law_of_the_prior(codec: Codec) -> None:
    """The first token of 1,000 seeds, which nothing precedes, in chi-square; 5 deviations as above."""
    size = Size(16, 16)
    empty = Priced(codec, random_maps(size), size).encode(0, True)
    tables: list[np.ndarray] = []

    def visit(batch: Visit) -> np.ndarray:
        tables.append(batch.frequencies[0])
        return np.zeros(1, np.int32)

    codec.level(0, None, size, 1, visit)
    firsts = [codec.decode(empty, size, Randomness(seed)).maps[0][0, 0] for seed in range(1000)]
    counts = np.bincount(np.array(firsts) % 4, minlength=4)
    assert chi_square(counts, tables[0] / 2**PRECISION * 1000) < 5


def test_hostile_layers(codec: Codec) -> None:
    priced = Priced(codec, random_maps(SIZE), SIZE)
    whole, short = priced.encode(TOTAL, True), priced.encode(40, True)
    cases: dict[str, tuple[bytes, ...]] = {
        "instead of 1 to": (),
        "instead of 1 to 3": (*whole, b""),
        "follows one that lacks": (*short, whole[1]),
        "does not end": (whole[0] + b"\1\1\1\1\1\1\1\1", *whole[1:]),
        "zero byte": (whole[0] + b"\0",),
    }
    for reason, parts in cases.items():
        with pytest.raises(PayloadError, match=reason):
            codec.decode(parts, SIZE, SEED)
    rng = np.random.default_rng(0)
    for _ in range(60):
        parts = tuple(rng.bytes(int(rng.integers(40))) for _ in range(rng.integers(1, 5)))
        try:
            read = codec.decode(parts, SIZE, SEED)
        except PayloadError:
            continue
        assert 0 <= read.sent <= TOTAL
    with pytest.raises(PayloadError):
        codec.decode(whole, Size(300, 300), SEED)


def test_a_layer_that_lacks_more_than_it_has_is_refused(codec: Codec) -> None:
    from gcodec.entropy import RowEncoder

    said = np.array([[2**24 - 2**16, 2**16]])
    for lacking in (0, 65, 255):
        stream = RowEncoder()
        stream.put([0], said)
        stream.put([1], said)
        stream.put([lacking], np.full((1, 256), 1 << 16))
        with pytest.raises(PayloadError, match=f"lacks {lacking} of 64"):
            codec.decode((stream.finish(),), SIZE, SEED)


def test_weights_that_do_not_fit_or_could_overflow_are_refused(tensors: dict[str, Any]) -> None:
    Codec(CONFIG, tensors)
    with pytest.raises(ValueError, match=r"level2\.first is"):
        Codec({"levels": [*CONFIG["levels"][:2], {"side": 16, "digits": [7], "sharp": 4}]}, tensors)
    with pytest.raises(ValueError, match="32 samples behind those of 16"):
        Codec({"levels": CONFIG["levels"][1::-1]}, tensors)
    for sharp in (0, 256):
        with pytest.raises(ValueError, match="power"):
            Codec({"levels": [{**CONFIG["levels"][0], "sharp": sharp}]}, tensors)
    with pytest.raises(KeyError):
        Codec({"levels": [*CONFIG["levels"], CONFIG["levels"][2]]}, tensors)
    loud = np.full((1 << 15, 16), 32767, np.int16)
    with pytest.raises(ValueError, match=r"level1\.first: .* range of exact sums"):
        Codec(CONFIG, tensors | {"level1.first.weight": loud})
