"""Damaged files of every installed embedding at the command: refused in one line, or decoded; never a defect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import gcodec_formats as gcx
from gcodec.cli import main
from gcodec.errors import FormatError, PayloadError, UnusablePlugin
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.registry import registry

if TYPE_CHECKING:
    from gcodec.pictures import Picture

Decode = Callable[[bytes], tuple[int, list[str]]]


@pytest.fixture
def decode(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Decode:
    """Decode bytes with the command in this process; return its status and what it said on standard error."""

    def run(data: bytes) -> tuple[int, list[str]]:
        path = tmp_path / "a.gcx"
        path.write_bytes(data)
        with pytest.raises(SystemExit) as caught:
            main(
                [
                    "decode",
                    str(path),
                    "-o",
                    str(tmp_path / "a.png"),
                    "--force",
                    "--recon",
                    "preview",
                ]
            )
        lines = capfd.readouterr().err.splitlines()
        left = {p.name for p in tmp_path.iterdir()}
        assert left == {"a.gcx"} | ({"a.png"} if caught.value.code == 0 else set())
        (tmp_path / "a.png").unlink(missing_ok=True)
        assert isinstance(caught.value.code, int)
        return caught.value.code, lines

    return run


@pytest.fixture(scope="module", params=list(registry().embeddings))
def file(request: pytest.FixtureRequest, picture: Picture) -> bytes:
    """A small file of each embedding."""
    try:
        return encode(picture, request.param, target=Target(quality=0.3)).data
    except UnusablePlugin as error:
        pytest.skip(str(error))


def test_a_file_cut_anywhere_is_refused_in_one_line(file: bytes, decode: Decode) -> None:
    lengths = sorted({*range(0, 24), *range(24, len(file), max(len(file) // 40, 1)), len(file) - 1})
    for length in lengths:
        status, lines = decode(file[:length])
        assert (status, len(lines)) == (FormatError.exit_status, 1), f"cut at {length}: {lines}"
        assert "Traceback" not in lines[0]


def test_a_file_with_a_flipped_bit_is_refused_in_one_line(file: bytes, decode: Decode) -> None:
    positions = {*range(0, 24), *range(24, len(file), max(len(file) // 40, 1)), len(file) - 1}
    for at in sorted(positions):
        flipped = bytearray(file)
        flipped[at] ^= 1 << at % 8
        status, lines = decode(bytes(flipped))
        assert (status, len(lines)) == (FormatError.exit_status, 1), f"bit at {at}: {lines}"


def test_a_hostile_payload_in_a_sound_container_is_refused_or_decoded(
    file: bytes, decode: Decode
) -> None:
    """Whoever writes the payload can write the checksum as well. The conformance suite damages it in more ways."""
    whole = gcx.read(file)
    (payload,) = whole.bodies(gcx.MAIN)[:1]
    rng = np.random.Generator(np.random.PCG64(len(payload)))
    hostile = [b"", payload[:1], payload[: len(payload) // 2], payload + bytes(40), bytes(99)]
    hostile += [rng.bytes(length) for length in (1, 2, 20, 500)]
    for _ in range(5):
        changed = bytearray(payload)
        for at in rng.integers(len(payload), size=rng.integers(1, 5)):
            changed[at] = rng.integers(256)
        hostile.append(bytes(changed))
    for data in hostile:
        segments = [gcx.Segment(gcx.MAIN, data), *whole.segments[1:]]
        status, lines = decode(gcx.write(replace(whole, segments=segments)))
        assert status in (0, PayloadError.exit_status), lines
        assert len(lines) == (1 if status else 0), lines


def test_a_payload_of_another_size_is_refused_or_decoded(file: bytes, decode: Decode) -> None:
    whole = gcx.read(file)
    for size in gcx.Size(1, 1), gcx.Size(97, 128), gcx.Size(96, 127), gcx.Size(16, 700):
        header = replace(whole.header, size=size)
        status, lines = decode(gcx.write(replace(whole, header=header)))
        assert status in (0, PayloadError.exit_status), lines
        assert len(lines) == (1 if status else 0), lines
