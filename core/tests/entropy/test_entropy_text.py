"""spec/ENTROPY.md by a reader that knows the text alone, its vectors, and the numbers that it prints."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from text_entropy import Refused, Stream

from gcodec import entropy
from gcodec.errors import PayloadError

SPEC = Path(__file__).parents[3] / "spec"
TEXT = SPEC / "ENTROPY.md"
FOLDER = SPEC / "vectors" / "entropy"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")


def read_by_the_text(vector: dict[str, Any]) -> list[list[int]]:
    stream = Stream(bytes.fromhex(vector["stream"]))
    if vector["kind"] == "plain":
        found = [[stream.entry(table) for table in vector["tables"]]]
    else:
        found = [stream.batch(vector["tables"], batch["tables"]) for batch in vector["batches"]]
    stream.close()
    return found


def read_by_the_product(vector: dict[str, Any]) -> list[list[int]]:
    data = bytes.fromhex(vector["stream"])
    if vector["kind"] == "plain":
        rows = entropy.RowDecoder(data, "test")
        found = [[int(rows.get([table])[0]) for table in vector["tables"]]]
        rows.finish()
        return found
    decoder = entropy.Decoder(entropy.FrequencyTables(vector["tables"]), data, "test")
    found = [
        decoder.get(np.array(batch["tables"], np.int64)).tolist() for batch in vector["batches"]
    ]
    decoder.finish()
    return found


def said(part: dict[str, Any], found: list[int]) -> bool:
    """Whether a vector says that these are the symbols."""
    if "symbols" in part:
        return bool(part["symbols"] == found)
    digest = hashlib.sha256(np.array(found, part["stored"]).tobytes()).hexdigest()
    return bool(part["first"] == found[:16] and part["sha256"] == digest)


@pytest.mark.parametrize("read", [read_by_the_text, read_by_the_product])
@pytest.mark.parametrize("name", NAMES)
def test_vectors(name: str, read: Callable[[dict[str, Any]], list[list[int]]]) -> None:
    vector = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    if name.startswith("bad-"):
        assert vector["error"] == "payload"
        with pytest.raises((Refused, PayloadError)):
            read(vector)
        return
    parts = vector["batches"] if vector["kind"] == "signed" else [vector]
    for part, found in zip(parts, read(vector), strict=True):
        assert said(part, found)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("signed")])
def test_what_the_text_says_of_writing_makes_the_stream(name: str) -> None:
    vector = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    stream = Stream(bytes.fromhex(vector["stream"]))
    for batch in vector["batches"]:
        stream.batch(vector["tables"], batch["tables"])
    x, words = 0, []
    for *_, f, start, _ in reversed(stream.trace):
        if x // 2**40 >= f:
            words.append(x % 2**32)
            x //= 2**32
        x = (x // f) * 2**24 + start + x % f
    if x:
        words.append(x % 2**32)
    if x // 2**32:
        words.append(x // 2**32)
    made = b"".join(word.to_bytes(4, "little") for word in words).rstrip(b"\0")
    assert made.hex() == vector["stream"]


def test_the_example_of_the_text() -> None:
    text = TEXT.read_text("utf-8")
    vector = json.loads((FOLDER / "signed-example.json").read_text("utf-8"))
    assert bytes.fromhex(vector["stream"]).hex(" ").upper() in text
    stream = Stream(bytes.fromhex(vector["stream"]))
    stream.batch(vector["tables"], vector["batches"][0]["tables"])
    stream.batch(vector["tables"], vector["batches"][1]["tables"])
    made = [
        f"| {x:016X} | {under} | {r:06X} | {p} | {f:06X} | {start:06X} | {after:016X} |"
        for x, under, r, p, f, start, after in stream.trace
    ]
    assert re.findall(r"^\| [0-9A-F]{16} \| .*$", text, re.M) == made
