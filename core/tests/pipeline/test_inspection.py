"""What a file says about itself: every byte accounted for, and no plugin needed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import gcodec_formats as gcx
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.inspection import inspect
from gcodec.run import Run

if TYPE_CHECKING:
    from gcodec.pictures import Picture

VECTORS = Path(__file__).resolve().parents[3] / "spec" / "vectors" / "gcx"


def accounted(found: dict[str, Any], data: bytes) -> bool:
    """Whether the rows of the layout cover the file without gaps or overlaps, and the sums agree."""
    at = 0
    for row in found["layout"]:
        if row["offset"] != at:
            return False
        at += row["bytes"]
    return (
        at
        == len(data)
        == found["bytes"]
        == sum(found[k] for k in ("payload", "beside", "overhead"))
    )


def test_a_registered_file(photo: Picture, installed: object) -> None:
    data = encode(photo, "tiny").data
    found = inspect(data)
    assert (found["width"], found["height"], found["overhead"]) == (61, 45, 12)
    assert found["bpp"] == round(8 * len(data) / (61 * 45), 5)
    assert found["model"] == "profile 1"
    assert (found["layers"], found["missing_layers"], found["progressive"]) == (1, 0, False)
    assert accounted(found, data)


def test_names_packages_and_extensions_are_shown(photo: Picture, installed: object) -> None:
    marked = replace(photo, channels=1, depth=16, icc=b"p" * 300)
    data = encode(
        marked, "test/named", suggest=("grain", {"amount": 0.5}), digest=True, run=Run(seed=7)
    ).data
    found = inspect(data)
    assert (found["embedding"], found["package"]) == ("test/named", "unregistered")
    extensions = found["extensions"]
    assert extensions["seed"] == 7
    assert extensions["reconstructor"] == ["grain", {"amount": 0.5}]
    assert (extensions["channels"], extensions["depth"]) == (1, 16)
    assert len(bytes.fromhex(extensions["symbols_digest"])) == 8
    assert accounted(found, data)
    assert json.loads(json.dumps(found)) == found


def test_a_known_number_names_the_package_that_decodes_it() -> None:
    header = gcx.Header(gcx.Identity(id=2, profile=1), gcx.Size(5, 7))
    found = inspect(gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, b"x")])))
    assert (found["embedding"], found["package"]) == ("webp", "gcodec-classic")


def test_a_model_by_digest_is_shown() -> None:
    header = gcx.Header(gcx.Identity(id=254, digest=bytes(range(8))), gcx.Size(5, 7))
    found = inspect(gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, b"x")])))
    assert found["model"] == "digest 0001020304050607..."
    assert found["embedding"] == "number 254"
    assert found["overhead"] == 20


def test_a_truncated_progressive_file_counts_what_is_missing(
    photo: Picture, installed: object
) -> None:
    data = encode(photo, "test/layered").data
    cut = data[:-10]
    with pytest.raises(gcx.FormatError):
        inspect(cut)
    found = inspect(cut, partial=True)
    assert (found["layers"], found["missing_layers"]) == (3, 1)
    assert accounted(found, cut)


@pytest.mark.skipif(not VECTORS.is_dir(), reason="spec/vectors is not there")
def test_every_vector_is_shown_as_the_vector_says_or_refused_for_its_reason() -> None:
    shown = refused = 0
    for path in sorted(VECTORS.glob("*.json")):
        expected = json.loads(path.read_text("utf-8"))
        data = path.with_suffix(".gcx").read_bytes()
        own_limits = expected.get("error") == "limit-exceeded" and "limits" in expected
        if expected.get("operation") == "read" and not own_limits:
            with pytest.raises(gcx.FormatError) as caught:
                inspect(data)
            assert caught.value.code == expected["error"], path.name
            assert "\n" not in str(caught.value)
            refused += 1
            continue
        found = inspect(data)
        assert accounted(found, data), path.name
        assert json.dumps(found)
        for key in "bytes", "width", "height", "progressive", "overhead":
            assert found[key] == expected.get(key, found[key]), path.name
        assert len(found["extensions"]) == len(expected.get("extensions", found["extensions"]))
        shown += 1
    assert shown
    assert refused


def test_random_bytes_are_refused_with_nothing_but_format_errors() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    for length in (0, 1, 3, 4, 11, 12, 100):
        with pytest.raises(gcx.FormatError):
            inspect(rng.bytes(length))
