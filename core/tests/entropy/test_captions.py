"""Captions: any text comes back, English is short, the bytes are those of spec/CAPTIONS.md, and others are refused."""

from __future__ import annotations

import hashlib
import json
import re
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gcodec.entropy.captions import LONGEST, pack, unpack
from gcodec.errors import PayloadError

SPEC = Path(__file__).parents[3] / "spec"
VECTORS = sorted((SPEC / "vectors" / "captions").glob("*.json"))
CAPTION = "A group of people standing around a table with a cake on it."


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_comes_back(text: str) -> None:
    assert unpack(pack(text), "test") == text


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("", 0),
        ("a", 2),
        (CAPTION, 16),
        ("The old ferry leaves a quiet port in heavy rain, seen from above.", 26),
        ("Ein alter Mann füttert Enten am Ufer eines Teiches im Park.", 34),
        ("湖のほとりの木の下で本を読む人", 40),  # 45 bytes of UTF-8
    ],
)
def test_captions_are_short(text: str, most: int) -> None:
    assert len(pack(text)) <= most


def test_a_long_text_is_learnt_as_it_goes() -> None:
    assert len(pack("zwölf Boxkämpfer jagen Viktor " * 20)) < 60


def test_too_long_and_unspeakable_texts_are_refused() -> None:
    assert unpack(pack("x" * LONGEST), "test") == "x" * LONGEST
    with pytest.raises(ValueError, match="4096 bytes of UTF-8, not 4098"):
        pack("é" * (LONGEST // 2 + 1))
    with pytest.raises(UnicodeEncodeError):
        pack("\ud800")


@given(st.binary(max_size=24))
@settings(max_examples=60, deadline=None)
def test_bytes_are_one_text_or_refused(data: bytes) -> None:
    try:
        text = unpack(data, "test")
    except PayloadError:
        return
    assert pack(text) == data


def test_what_pack_never_makes_is_refused() -> None:
    for other in (pack(CAPTION) + b"\0", b"\0", b"\0" * 40, b"\xff" * 40):
        with pytest.raises(PayloadError) as caught:
            unpack(other, "perco")
        assert caught.value.embedding == "perco"
    with pytest.raises(PayloadError, match="longer than any"):
        unpack(b"\x01" * (3 * LONGEST + 4), "test")


class Model:
    """Section 2 of spec/CAPTIONS.md, in rational numbers and by the letter."""

    def __init__(self, primed: bool) -> None:
        self.c: dict[tuple[bytes, int], int] = {}
        if primed:
            text = files("gcodec.entropy").joinpath("captions.txt").read_bytes()
            for line in text.split(b"\n")[:-1]:
                self.past = b"\xff"
                for b in line + b"\xff":
                    self.learn(b)
        self.past = b"\xff"

    def learn(self, b: int) -> None:
        for k in range(min(6, len(self.past)), -1, -1):
            key = self.past[len(self.past) - k :], b
            self.c[key] = self.c.get(key, 0) + 1
            if self.c[key] > 1:
                break
        self.past += bytes([b])

    def frequencies(self) -> list[int]:
        p = [2**16] * 256
        for k in range(min(6, len(self.past)) + 1):
            context = self.past[len(self.past) - k :]
            c = [self.c.get((context, b), 0) for b in range(256)]
            if not sum(c):
                break
            u = sum(x > 0 for x in c)
            d = [(4 * x - 3) * 2**24 if x else 0 for x in c]
            p = [(x * (3 * u + 2) + y) // (4 * sum(c) + 2) for x, y in zip(p, d, strict=True)]
        return [x + 1 for x in p]


def by_the_letter(data: bytes) -> str:
    """Read as sections 1 and 3 say."""
    number = Fraction(int.from_bytes(data, "big"), 256 ** len(data))
    low, width = Fraction(0), Fraction(1)

    def take(f: list[int]) -> int:
        nonlocal low, width
        start, total = 0, sum(f)
        for s, share in enumerate(f):
            if low + width * Fraction(start + share, total) > number:
                low += width * Fraction(start, total)
                width *= Fraction(share, total)
                return s
            start += share
        raise AssertionError("beyond the interval")

    model = Model(primed=take([255, 1]) == 0)
    text = bytearray()
    while (b := take(model.frequencies())) != 0xFF:
        text.append(b)
        model.learn(b)
    return text.decode()


@pytest.mark.parametrize("text", ["A quay, from above.", "Ω", "\x00"])
def test_the_specification_reads_what_is_written(text: str) -> None:
    assert by_the_letter(pack(text)) == text


@pytest.mark.skipif(not SPEC.exists(), reason="spec/ is not part of this copy")
def test_vectors() -> None:
    assert len(VECTORS) >= 12
    for path in VECTORS:
        vector = json.loads(path.read_text("utf-8"))
        assert pack(vector["text"]).hex() == vector["bytes"], path.stem
        assert unpack(bytes.fromhex(vector["bytes"]), "test") == vector["text"], path.stem


@pytest.mark.skipif(not SPEC.exists(), reason="spec/ is not part of this copy")
def test_the_text_behind_the_model_is_the_one_of_the_specification() -> None:
    text = files("gcodec.entropy").joinpath("captions.txt").read_bytes()
    stated = re.search(
        r"\((\d+) bytes, SHA-256\s+`([0-9a-f]{64})`", (SPEC / "CAPTIONS.md").read_text("utf-8")
    )
    assert stated is not None
    assert (len(text), hashlib.sha256(text).hexdigest()) == (int(stated[1]), stated[2])
