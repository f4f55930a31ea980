"""Writes the vectors of spec/FORMAT.md, section 6, that do not exist yet; an existing vector is never written again.

python spec/vectors/truncated/generate.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gcodec_formats as gcx

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE.parent / "gcx")]

import write_once  # noqa: E402
from description import brief  # noqa: E402
from parts import noise  # noqa: E402

SIZE = gcx.Size(3, 4)
_SEGMENTS = [
    gcx.Segment(gcx.ICC, gcx.pack_metadata(b"icc " * 50)),
    gcx.Segment(gcx.COMPANION, gcx.pack_companion(gcx.Identity(id=32, profile=1), b"caption")),
    gcx.Segment(gcx.MAIN, b"base"),
    gcx.Segment(gcx.MAIN, noise(5000, 5)),
    gcx.Segment(gcx.ALPHA, gcx.pack_alpha(bytes([0, 128, 255] * 4), SIZE, 8)),
]
HEADER = gcx.Header(gcx.Identity(id=16, profile=1), SIZE, {0: 7})
WHOLE = gcx.write(gcx.File(HEADER, _SEGMENTS, progressive=True))
ENDS = [row.offset + row.length for row in gcx.layout(WHOLE) if row.name == "checksum"]


def questions() -> Iterator[tuple[str, tuple[str, bytes]]]:
    """Name, and what the file is and its bytes."""
    head, icc, companion, base, layer, alpha = ENDS
    assert alpha == len(WHOLE)
    yield "whole", ("nothing is missing", WHOLE)
    yield "head", ("the head alone", WHOLE[:head])
    yield "metadata", ("head and profile, and a byte", WHOLE[: icc + 1])
    yield "companion", ("the companion is whole, no layer is", WHOLE[: base - 1])
    yield "layer", ("the second layer lacks the last byte of its checksum", WHOLE[: layer - 1])
    yield "alpha", ("all layers, half of alpha", WHOLE[: (layer + alpha) // 2])
    yield "bad-head", ("the head's checksum is cut", WHOLE[: head - 1])
    changed = bytearray(WHOLE[: layer + 3])
    changed[base - 3] ^= 1
    yield "bad-layer", ("a layer that is there has another checksum", bytes(changed))
    changed = bytearray(WHOLE[:layer])
    changed[5] ^= 2
    yield "bad-head-checksum", ("another profile than the checksum's", bytes(changed))
    yield "bad-more", ("the whole file and a byte", WHOLE + b"\0")
    file = gcx.write(gcx.File(HEADER, _SEGMENTS))
    yield "bad-kind", ("a file that is not progressive, without its last 9 bytes", file[:-9])
    assert companion < base


def answer(question: tuple[str, bytes]) -> dict[str, Any]:
    """What a reader finds in part of a file."""
    summary, data = question
    try:
        file = gcx.read(data, partial=True)
    except gcx.FormatError as error:
        return {"summary": summary, "operation": "partial", "error": error.code}
    segments = [{"type": type, "body": brief(body)} for type, body in file.segments]
    return {
        "summary": summary,
        "operation": "partial",
        "segments": segments,
        "missing": list(file.missing),
    }


def write(folder: Path = HERE) -> list[str]:
    """Write what is missing in `folder`; returns the names written."""
    for name, (_, data) in questions():
        if not (folder / f"{name}.gcx").exists():
            (folder / f"{name}.gcx").write_bytes(data)
    return write_once.write(folder, questions(), lambda each: write_once.lines(answer(each)))


if __name__ == "__main__":
    print(*write(), sep="\n")
