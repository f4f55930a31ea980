"""Entropy coding: exactness against a reference coder in plain integers, golden bytes, damage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_entropy import Stream

from gcodec.entropy import (
    PRECISION,
    Decoder,
    Encoder,
    FrequencyTables,
    RowDecoder,
    RowEncoder,
    fit_frequencies,
)
from gcodec.errors import PayloadError

TOTAL = 1 << PRECISION

# Row k is symbol 0, 1, -1, ...; last the escape.
COIN = [TOTAL - 2, 2]
SMALL = [TOTAL // 2, TOTAL // 4, TOTAL // 8, TOTAL // 8]
WIDE = fit_frequencies(np.exp(-np.arange(20) / 4))
TABLES = FrequencyTables([COIN, SMALL, WIDE])


def encode(symbols, indices, tables=TABLES):
    encoder = Encoder(tables)
    encoder.put(symbols, indices)
    return encoder.finish()


def decode(data, indices, tables=TABLES):
    decoder = Decoder(tables, data, "test")
    symbols = decoder.get(indices)
    decoder.finish()
    return symbols


def test_golden_bytes():
    # Frozen: files depend on them.
    indices = [1, 1, 0, 2, 1, 2, 0, 1]
    symbols = [0, 1, 0, -4, -1, 3, 0, 0]
    assert encode(symbols, indices).hex() == "c47905df0b"
    assert encode([0, 300, -70000, 1], [1, 1, 0, 0]).hex() == "00f06a15ffffffffff7f5044"


@pytest.mark.parametrize("seed", range(5))
def test_streams_are_what_the_documented_coder_writes(seed):
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, 3, 200)
    symbols = np.where(indices == 0, 0, rng.laplace(0, [[1], [1], [6]][seed % 3], 200)).round()
    symbols = symbols.astype(int)
    symbols[rng.integers(0, 200, 3)] = [100000, -9, 40]
    reference = Stream(encode(symbols, indices))
    rows = [COIN, SMALL, WIDE.tolist()]
    assert reference.batch(rows, indices.tolist()) == symbols.tolist()
    assert reference.x == 0
    assert not reference.stack


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.one_of(st.integers(-5, 5), st.integers(-(1 << 22), 1 << 22))
        ),
        max_size=60,
    ),
    st.integers(0, 60),
)
@settings(max_examples=200, deadline=None)
def test_round_trip_in_batches(pairs, cut):
    encoder = Encoder(TABLES)
    batches = [pairs[:cut], pairs[cut:]]
    for batch in batches:
        encoder.put([s for _, s in batch], np.array([i for i, _ in batch], np.int64))
    decoder = Decoder(TABLES, encoder.finish(), "test")
    for batch in batches:
        decoded = decoder.get(np.array([i for i, _ in batch], np.int64))
        assert decoded.tolist() == [s for _, s in batch]
    decoder.finish()


def test_many_symbols_are_sorted_in_parts(monkeypatch):
    rng = np.random.default_rng(3)
    indices = rng.integers(0, 3, 1000).astype(np.uint8)
    symbols = rng.laplace(0, 3, 1000).round().astype(int)
    symbols[[3, 250, 999]] = [100000, -77, 5000]
    whole = encode(symbols, indices)
    for part in (1, 7, 300, 1000):
        monkeypatch.setattr("gcodec.entropy._sorted._PART", part)
        assert encode(symbols, indices) == whole
        assert np.array_equal(decode(whole, indices), symbols)


def test_size_is_within_a_word_of_the_ideal():
    rng = np.random.default_rng(1)
    rows = rng.choice(19, 20000, p=WIDE[:19] / WIDE[:19].sum())
    symbols = np.where(rows % 2 == 1, (rows + 1) // 2, -(rows // 2))
    ideal = TABLES.bits(2)[rows].sum()
    assert ideal <= 8 * len(encode(symbols, np.full(20000, 2))) < ideal + 32


def test_zeros_cost_nothing():
    assert encode(np.zeros((3, 50), int), np.ones((3, 50), int)) == b""
    assert not decode(b"", np.ones((3, 50), int)).any()


@pytest.mark.parametrize("tables", [[1], [2], [0, 1, 2]])
def test_where_zeros_follow_nothing_else_does(tables):
    rng, ended = np.random.default_rng(7), 0
    for _ in range(40):
        decoder = Decoder(TABLES, rng.bytes(rng.integers(0, 9)).rstrip(b"\0"), "test")
        try:
            for _ in range(60):
                if decoder.zeros_follow(np.array(tables)):
                    ended += 1
                    assert not decoder.get(rng.choice(tables, 200)).any()
                decoder.get(rng.choice(tables, 2))
        except PayloadError:
            pass  # an escape that nobody writes
    assert ended > 60


def test_zeros_follow_where_a_stream_ends_and_nowhere_before():
    decoder = Decoder(TABLES, encode([1, -1, 0, 3], [1, 1, 1, 2]), "test")
    for index in (1, 1, 1, 2):
        assert not decoder.zeros_follow(np.arange(3))
        decoder.get([index])
    assert decoder.zeros_follow(np.arange(3))
    decoder.finish()


def test_shape_is_kept():
    indices = np.ones((2, 3, 4), np.uint8)
    symbols = np.arange(-12, 12).reshape(2, 3, 4)
    assert (decode(encode(symbols, indices), indices) == symbols).all()


@pytest.mark.parametrize("damage", ["cut", "extend", "flip"])
def test_damage_is_noticed(damage):
    rng = np.random.default_rng(2)
    indices = np.full(3000, 2)
    data = encode(rng.integers(-4, 5, 3000), indices)
    noticed = 0
    for trial in range(50):
        place = int(rng.integers(1, len(data) - 1))
        broken = bytearray(data)
        if damage == "cut":
            broken = broken[:place]
        elif damage == "extend":
            broken += rng.bytes(trial + 1)
        else:
            broken[place] ^= 1 << trial % 8
        try:
            decode(bytes(broken), indices)
        except PayloadError as error:
            assert error.embedding == "test"
            noticed += 1
    assert noticed >= 49


def test_a_trailing_zero_byte_is_refused():
    with pytest.raises(PayloadError, match="zero byte"):
        Decoder(TABLES, b"\x01\x00", "test")


def test_an_escape_beyond_the_limit_is_refused():
    # The escape of COIN has frequency 2 and starts at TOTAL - 2; decoding it leaves twice the upper bits,
    # which are to be the start of n = 31.
    state = (31 * (TOTAL // 32) // 2 << PRECISION) + TOTAL - 2
    with pytest.raises(PayloadError, match="31 bits"):
        decode(state.to_bytes(8, "little").rstrip(b"\0"), [0])


@pytest.mark.parametrize(
    "rows", [[TOTAL], [TOTAL - 1, 0, 1, 0], [TOTAL, 1], [-1, TOTAL + 1], [TOTAL - 2, 1, 1]]
)
def test_malformed_tables_are_refused(rows):
    with pytest.raises(ValueError, match="table 0"):
        FrequencyTables([rows])


def test_what_cannot_be_coded_is_refused():
    with pytest.raises(ValueError, match="cannot be coded"):
        encode([(1 << 22) + 1], [0])
    with pytest.raises(ValueError, match="cannot be coded"):
        encode([-(1 << 22) - 1], [0])
    with pytest.raises(ValueError, match="cannot be coded"):  # NaN, cast
        encode([-(1 << 63)], [0])
    with pytest.raises(ValueError, match="table 3 of 3"):
        encode([0], [3])
    with pytest.raises(ValueError, match="2 symbols"):
        encode([0, 0], [1])


def test_fitted_frequencies_are_positive_and_sum_up():
    fitted = fit_frequencies([0, 1e-30, 5, 1e9])
    assert fitted.min() >= 1
    assert int(fitted.sum()) == TOTAL
    with pytest.raises(ValueError):
        fit_frequencies([1.0, float("nan")])


def rows(count, size, seed=1):
    weights = np.random.default_rng(seed).random((count, size)) ** 6 + 1e-9
    return np.stack([fit_frequencies(row) for row in weights])


def test_every_symbol_under_a_row_of_its_own():
    """The stream is that of the reference coder, and costs what the rows say."""
    frequencies, rng = rows(300, 5), np.random.default_rng(2)
    symbols = np.array([rng.choice(5, p=row / TOTAL) for row in frequencies])
    encoder = RowEncoder()
    encoder.put(symbols[:100], frequencies[:100])
    encoder.put(symbols[100:], frequencies[100:])
    data = encoder.finish()
    bits = (PRECISION - np.log2(frequencies[np.arange(300), symbols])).sum()
    assert 0 <= 8 * len(data) - bits < 40
    reference = Stream(data)
    assert [reference.entry(row) for row in frequencies.tolist()] == symbols.tolist()
    decoder = RowDecoder(data, "test")
    found = [decoder.get(frequencies[:100]), decoder.get(frequencies[100:])]
    decoder.finish()
    assert np.concatenate(found).tolist() == symbols.tolist()


def test_rows_refuse_a_stream_that_does_not_end_with_them():
    frequencies = rows(50, 4)
    encoder = RowEncoder()
    encoder.put(np.full(50, 3), frequencies)
    data = encoder.finish()
    for damaged in (data[:-1], data + b"\1", b"\7" + data):
        with pytest.raises(PayloadError, match="test"):
            decoder = RowDecoder(damaged, "test")
            decoder.get(frequencies)
            decoder.finish()
    with pytest.raises(PayloadError, match="zero byte"):
        RowDecoder(data + b"\0", "test")
    empty = RowDecoder(RowEncoder().finish(), "test")
    empty.finish()


# --- any layout in memory

#: Name -> an array of the same values that lies in memory in another way.
LAYOUTS = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "every other": lambda a: np.repeat(a, 2, -1)[..., ::2],
    "backwards": lambda a: np.ascontiguousarray(np.flip(a)).reshape(a.shape)[
        tuple(slice(None, None, -1) for _ in a.shape)
    ],
    "read-only": lambda a: np.broadcast_to(a, a.shape),
    "lists": lambda a: a.tolist(),
    "wide": lambda a: np.asarray(a, np.int64),
}
FREQUENCIES = np.array([fit_frequencies(np.arange(1, 6) ** k) for k in (3, 0, 1, 2)])
ROW_SYMBOLS = np.array([0, 3, 4, 1])
GRID = np.array([[0, 1, -2], [5, -40, 0]])
GRID_TABLES = np.array([[0, 1, 2], [1, 2, 0]])


def rows_encoded(symbols, frequencies):
    encoder = RowEncoder()
    encoder.put(symbols, frequencies)
    return encoder.finish()


def test_layouts_differ_as_they_say() -> None:
    for name, layout in LAYOUTS.items():
        assert np.array_equal(layout(FREQUENCIES), FREQUENCIES), name
    for name in ("Fortran order", "every other", "backwards"):
        assert not LAYOUTS[name](FREQUENCIES).flags.c_contiguous, name


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_rows_are_coded_alike_in_any_layout(layout) -> None:
    expected = rows_encoded(ROW_SYMBOLS, FREQUENCIES)
    assert rows_encoded(layout(ROW_SYMBOLS), layout(FREQUENCIES)) == expected
    decoder = RowDecoder(expected, "test")
    assert np.array_equal(decoder.get(layout(FREQUENCIES)), ROW_SYMBOLS)
    decoder.finish()


def test_one_row_for_all_symbols_may_be_broadcast() -> None:
    row = fit_frequencies([60, 20, 10, 10])
    symbols = np.arange(40) % 4
    whole = np.repeat(row[None], 40, 0)
    expected = rows_encoded(symbols, whole)
    assert rows_encoded(symbols, np.broadcast_to(row, (40, 4))) == expected
    decoder = RowDecoder(expected, "test")
    assert np.array_equal(decoder.get(np.broadcast_to(row, (40, 4))), symbols)
    assert len(expected) <= sum(24 - np.log2(row[symbols])) / 8 + 4


def test_what_was_put_is_kept_when_the_caller_goes_on() -> None:
    symbols, frequencies = ROW_SYMBOLS.copy(), FREQUENCIES.copy()
    encoder = RowEncoder()
    encoder.put(symbols, frequencies)
    symbols[:], frequencies[:] = 0, 1
    assert encoder.finish() == rows_encoded(ROW_SYMBOLS, FREQUENCIES)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_batches_are_coded_alike_in_any_layout(layout) -> None:
    expected = encode(GRID, GRID_TABLES)
    assert encode(layout(GRID), layout(GRID_TABLES)) == expected
    assert encode(GRID, layout(GRID_TABLES)) == expected
    assert np.array_equal(decode(expected, layout(GRID_TABLES)), GRID)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_tables_and_weights_may_lie_as_they_like(layout) -> None:
    tables = FrequencyTables([layout(np.asarray(row)) for row in (COIN, SMALL, WIDE)])
    assert encode(GRID, GRID_TABLES, tables) == encode(GRID, GRID_TABLES)
    assert np.array_equal(tables.bits(2), TABLES.bits(2))
    weights = np.exp(-np.arange(20) / 4)
    if layout is not LAYOUTS["wide"]:
        assert np.array_equal(fit_frequencies(layout(weights)), WIDE)
