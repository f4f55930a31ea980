"""The vectors in spec/vectors/gcx: what they hold, or how they are refused. They are write-once."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gcodec_formats as gcx
from gcodec_formats import errors, registry

FOLDER = Path(__file__).parents[2] / "spec" / "vectors" / "gcx"
NAMES = sorted(path.stem for path in FOLDER.glob("*.gcx"))

pytestmark = pytest.mark.skipif(not NAMES, reason="spec/ is not part of this copy")


def load(name: str) -> tuple[bytes, dict[str, Any]]:
    facts = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return (FOLDER / f"{name}.gcx").read_bytes(), facts


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gcx_vectors", FOLDER / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def use(data: bytes, facts: dict[str, Any]) -> None:
    limits = gcx.Limits(**facts.get("limits", {}))
    file = gcx.read(data, limits=limits)
    if facts["operation"] == "resolve":
        identity = file.header.identity
        if identity.id is None or registry.embedding(identity.id) is None:
            raise registry.unknown_embedding(identity)
    if facts["operation"] == "unpack":
        for type, body in file.segments:
            if type in (gcx.ICC, gcx.EXIF, gcx.XMP):
                gcx.unpack_metadata(body, limits)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("bad-")])
def test_valid_vector_reads_as_described_and_is_what_the_writer_writes(
    name: str, generate: ModuleType
) -> None:
    data, facts = load(name)
    assert hashlib.sha256(data).hexdigest() == facts["sha256"]
    file = gcx.read(data)
    found = {"summary": facts["summary"], **generate.describe(file, data)}
    assert json.loads(json.dumps(found)) == facts
    assert gcx.write(file) == data


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("bad-")])
def test_refused_vector_gives_its_error(name: str) -> None:
    data, facts = load(name)
    with pytest.raises(errors.FormatError) as caught:
        use(data, facts)
    assert caught.value.code == facts["error"], str(caught.value)
    assert "\n" not in str(caught.value)
    if facts["operation"] == "read":
        offset = caught.value.offset
        assert offset is not None
        assert 0 <= offset <= len(data)


def test_every_error_has_a_vector() -> None:
    seen = {load(name)[1].get("error") for name in NAMES}
    assert {error.code for error in all_errors(errors.FormatError)} <= seen


def test_every_limit_has_a_vector() -> None:
    limits = set()
    for name in NAMES:
        data, facts = load(name)
        if facts.get("error") == "limit-exceeded":
            with pytest.raises(errors.LimitExceeded) as caught:
                use(data, facts)
            limits.add(caught.value.limit)
    assert limits == {field.name for field in fields(gcx.Limits)}


def test_the_generator_never_overwrites(generate: ModuleType, monkeypatch: Any) -> None:
    before = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.is_file()}
    assert not generate.save("minimal", b"other", {})
    after = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.is_file()}
    assert before == after


def all_errors(base: type[errors.FormatError]) -> list[type[errors.FormatError]]:
    """Every class below `base`."""
    return [found for error in base.__subclasses__() for found in (error, *all_errors(error))]
