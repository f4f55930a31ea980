"""Each refusal of the reader is there for a vector: without it the vector is read, or refused for another reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from disabling import PARTS, Refusal, reader_without, refusals

import gcodec_formats as gcx
from gcodec_formats import errors

VECTORS = Path(__file__).parents[2] / "spec" / "vectors"
pytestmark = pytest.mark.skipif(not VECTORS.exists(), reason="spec/ is not part of this copy")

Parts = Mapping[str, ModuleType]
Question = tuple[str, bytes, dict[str, Any]]

#: Refusals that no file shows, and why.
UNSEEN = {
    "states no content size": "zstandard's number for it, 2^64 - 1, is more than any frame can hold",
    "f'the Zstandard frame holds {len(": "libzstd compares the two itself",
    "f'cannot be in an extension: {error}'": "for the writer; msgpack holds nothing of the kind",
}


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    """Name, bytes and facts of every file, those that are refused first."""
    paths = sorted([*VECTORS.glob("gcx/*.gcx"), *VECTORS.glob("truncated/*.gcx")])
    paths.sort(key=lambda path: not path.stem.startswith("bad-"))
    return [(p.stem, p.read_bytes(), json.loads(p.with_suffix(".json").read_text())) for p in paths]


def answers(parts: Parts, data: bytes, facts: dict[str, Any]) -> tuple[object, object]:
    """What a reader of these modules makes of a file, and of its head alone."""
    limits = parts["_values"].Limits(**facts.get("limits", {}))

    def told(ask: Callable[[], object]) -> object:
        try:
            return ask()
        except parts["errors"].FormatError as error:
            return error.code
        except Exception as error:  # what the refusal kept away
            return type(error).__name__

    def head() -> object:
        header = parts["_reader"].read_header(data, limits=limits)
        return [*header.size, *header.extensions.items()]

    return told(lambda: whole(parts, data, facts, limits)), told(head)


def whole(parts: Parts, data: bytes, facts: dict[str, Any], limits: Any) -> object:
    """The contents of a file, unpacked if it is a valid one or the vector says so."""
    reader, bodies, numbers = parts["_reader"], parts["_bodies"], parts["registry"]
    part = facts.get("operation") == "partial"
    file = reader.read(data, limits=limits, partial=part)
    rows = reader.layout(data, limits=limits, partial=part)
    identity = file.header.identity
    if facts.get("operation") == "resolve" and numbers.embedding(identity.id) is None:
        raise numbers.unknown_embedding(identity)
    found: list[object] = [*file.segments, *file.missing, [row[:3] for row in rows]]
    if facts.get("operation", "unpack") != "unpack":
        return found
    for kind, body in file.segments:
        if kind in (numbers.ICC, numbers.EXIF, numbers.XMP):
            found.append(bodies.unpack_metadata(body, limits))
        elif kind == numbers.ALPHA:
            found.append(bodies.unpack_alpha(body, file.header.size))
        elif kind == numbers.COMPANION:
            found.append(bodies.unpack_companion(body)[1])
    return found


def test_each_refusal_is_there_for_a_vector(questions: list[Question]) -> None:
    here = {name: import_module(f"gcodec_formats.{name}") for name in PARTS}
    expected = [answers(here, data, facts) for _, data, facts in questions]

    def unseen(refusal: Refusal) -> bool:
        parts = reader_without(refusal)
        each = zip(questions, expected, strict=True)
        return all(answers(parts, data, facts) == said for (_, data, facts), said in each)

    every = list(refusals())
    assert len(every) > 100
    survivors = sorted(str(refusal) for refusal in every if unseen(refusal))
    assert len(survivors) == len(UNSEEN)
    for survivor in survivors:
        assert any(words in survivor for words in UNSEEN), survivor


TRUNCATED = sorted(path.stem for path in VECTORS.glob("truncated/*.gcx"))


@pytest.mark.parametrize("name", TRUNCATED)
def test_a_part_of_a_file_is_read_as_its_vector_says(name: str) -> None:
    facts = json.loads((VECTORS / "truncated" / f"{name}.json").read_text(encoding="utf-8"))
    data = (VECTORS / "truncated" / f"{name}.gcx").read_bytes()
    if "error" in facts:
        with pytest.raises(errors.FormatError) as caught:
            gcx.read(data, partial=True)
        assert caught.value.code == facts["error"]
        return
    file = gcx.read(data, partial=True)
    assert list(file.missing) == facts["missing"]
    assert [segment.type for segment in file.segments] == [s["type"] for s in facts["segments"]]
    for segment, said in zip(file.segments, facts["segments"], strict=True):
        digest = hashlib.sha256(segment.data).hexdigest()
        body = said["body"]
        assert segment.data.hex() == body if isinstance(body, str) else digest == body["sha256"]
