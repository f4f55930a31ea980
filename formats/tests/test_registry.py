"""The registry is consistent, only grows, and says the same as spec/REGISTRY.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from gcodec_formats import registry
from gcodec_formats.names import NAMES, PREFIXES

TEXT = Path(__file__).parents[2] / "spec" / "REGISTRY.md"


def tables() -> dict[str, list[tuple[str, ...]]]:
    """The rows of each table by the heading above it, without its header."""
    found: dict[str, list[tuple[str, ...]]] = {}
    heading = ""
    for line in TEXT.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line[3:].strip()
        elif line.startswith("|"):
            cells = tuple(cell.strip().strip("`") for cell in line.strip("|\n ").split("|"))
            found.setdefault(heading, []).append(cells)
    return {name: rows[2:] for name, rows in found.items()}


@pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")
def test_the_text_has_the_same_rows() -> None:
    found = tables()

    def rows(table: tuple[tuple[object, ...], ...]) -> list[tuple[str, ...]]:
        return [tuple("-" if cell is None else str(cell) for cell in row) for row in table]

    assert found["Embeddings"] == rows(registry.EMBEDDINGS)
    assert found["Profiles"] == rows(registry.PROFILES)
    assert found["Reconstructors"] == rows(registry.RECONSTRUCTORS)
    assert found["Channel simulators"] == rows(registry.CHANNEL_SIMULATORS)
    assert found["Segment types"] == rows(registry.SEGMENTS)
    assert found["Extension keys"] == rows(registry.EXTENSIONS)
    names = [(kind, name, p) for kind, table in NAMES.items() for name, p in table.items()]
    names += [
        (kind, f"{name}*", p) for kind, table in PREFIXES.items() for name, p in table.items()
    ]
    assert found["Whose a name is"] == names


def test_the_owner_of_a_name() -> None:
    assert registry.owner("embedding", "ntc") == "gcodec-ntc"
    assert registry.owner("reconstructor", "preview") == "gcodec"
    assert registry.owner("command", "eval") == "gcodec-eval"
    assert registry.owner("model", "base/whatever") == "gcodec-base"
    assert registry.owner("embedding", "preview") is None
    assert registry.owner("model", "acme/base/x") is None


def test_numbers_that_were_given_out_never_change() -> None:
    ids = {row.name: row.id for row in registry.EMBEDDINGS}
    given = {
        "jpeg": 1,
        "webp": 2,
        "avif": 3,
        "jxl": 4,
        "ntc": 16,
        "ldm_quant": 24,
        "perco": 25,
        "rate_variable": 26,
        "text_sketch": 32,
        "diffc": 40,
        "uqdm": 41,
        "ddcm": 42,
    }
    assert given.items() <= ids.items()
    assert [row.name for row in registry.CHANNEL_SIMULATORS[:4]] == [
        "trellis",
        "chunked",
        "antipodal",
        "folded",
    ]
    segments = ["main", "icc", "companion", "exif", "alpha", "xmp", "-", "thumbnail"]
    assert all(row.name == segments[row.id] for row in registry.SEGMENTS if row.id < 8)
    keys = ["seed", "reconstructor", "parameters", "channels", "-", "symbols_digest", "-", "depth"]
    keys += ["-", "package"]
    assert all(row.name == keys[row.id] for row in registry.EXTENSIONS if row.id < 10)


def test_tables_are_consistent() -> None:
    numbered = (registry.EMBEDDINGS, registry.CHANNEL_SIMULATORS, registry.SEGMENTS)
    for table in (*numbered, registry.EXTENSIONS):
        ids = [row.id for row in table]
        assert ids == sorted(set(ids))
        assert len({row.name for row in table}) == len(table)
    for row in registry.EMBEDDINGS:
        assert 1 <= row.id < registry.PRIVATE.start
        assert "/" not in row.name
        assert row.status in ("published", "reserved")
        assert registry.embedding(row.id) is row
        assert registry.embedding(row.name) is row
    for row in registry.CHANNEL_SIMULATORS:
        assert row.id in registry.CHANNEL_NUMBERS and registry.channel(row.id) is row
        assert registry.owner("channel", row.name) == row.package
    for name in {row.embedding for row in registry.PROFILES}:
        assert registry.embedding(name)
    assert len({(row.embedding, row.profile) for row in registry.PROFILES}) == len(
        registry.PROFILES
    )
    for profile in registry.PROFILES:
        assert profile.status in ("published", "withdrawn")
        assert registry.profile(profile.embedding, profile.profile) is profile
    assert registry.profile("ntc", 250) is None
    assert registry.embedding(250) is None
    assert registry.reconstructor("flow") in registry.RECONSTRUCTORS
