"""The table of normals: what it holds, how it is packed, and what a damaged one gets."""

from __future__ import annotations

import zlib
from fractions import Fraction

import numpy as np
import pytest

from gcodec.errors import ModelDamaged
from gcodec.randomness import Domain, Randomness, _numpy, _table
from gcodec.randomness._table import ENTRIES, TAIL_ENTRIES, pack, shipped, unpack

TABLE = np.frombuffer(shipped(), dtype="<i4")


def moment(power):
    """Of the exact law that the table defines; odd ones are 0 by the sign bit."""
    tail = sum(int(t) ** power for t in TABLE[:TAIL_ENTRIES])
    main = sum(int(t) ** power for t in TABLE[TAIL_ENTRIES:])
    return Fraction(2 * (tail + 256 * main), 2**24 * 2 ** (20 * power))


def test_exact_moments_are_those_of_a_normal():
    assert moment(0) == 1
    assert 0 < 1 - moment(2) < Fraction(5, 10**9)
    assert abs(moment(4) - 3) < Fraction(1, 10**6)
    assert abs(moment(6) - 15) < Fraction(1, 10**4)


def test_entries_fall_from_the_tail_to_the_middle():
    assert len(TABLE) == ENTRIES
    assert np.all(np.diff(TABLE.astype(np.int64)) < 0)
    assert TABLE[0] == 5737831 and TABLE[-1] == 20


def test_entries_are_conditional_means_rounded_to_the_grid():
    pytest.importorskip("mpmath")
    from gcodec.randomness._make_table import entry

    rng = np.random.default_rng(1)
    borders = [0, 1, TAIL_ENTRIES - 1, TAIL_ENTRIES, ENTRIES - 2, ENTRIES - 1]
    for index in [*borders, *rng.integers(0, ENTRIES, 100).tolist()]:
        assert entry(index) == TABLE[index]


def test_packing_is_undone():
    assert unpack(pack(shipped())) == shipped()


@pytest.mark.parametrize("damage", ["missing", "cut", "no zlib", "other length", "one bit"])
def test_a_damaged_table_is_refused(damage, tmp_path, monkeypatch):
    data = _table._FILE.read_bytes()
    differences = bytearray(zlib.decompress(data))
    differences[1000] ^= 1
    contents = {
        "cut": data[:-1],
        "no zlib": b"table",
        "other length": zlib.compress(differences[:-4]),
        "one bit": zlib.compress(differences),
    }
    path = tmp_path / "normals.zlib"
    if damage in contents:
        path.write_bytes(contents[damage])
    monkeypatch.setattr(_table, "_FILE", path)
    _numpy._table.cache_clear()
    with pytest.raises(ModelDamaged, match="reinstall gcodec"):
        Randomness(1).normal(Domain.INITIAL_NOISE, 0, 0, 1)
