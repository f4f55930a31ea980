"""Coverage-guided fuzzing of the reader with atheris, an optional addition to tests/test_fuzz.py.

    pip install atheris
    python formats/fuzz/fuzz_read.py -max_total_time=60 -max_len=4096 [corpus folder] [spec/vectors/gcx]

The first byte of the input says what to do with the rest: bit 0, put right checksums in place, so that the parser behind
them is reached; bit 1, read in part. Anything but FormatError is a crash, and so is a file that is read but written
differently.
"""

from __future__ import annotations

import binascii
import contextlib
import sys
import zlib

import atheris

with atheris.instrument_imports():
    import gcodec_formats as gcx

LIMITS = gcx.Limits(pixels=1 << 20, expansion=1 << 20)


def mend(data: bytes) -> bytes:
    """Put a right checksum over everything in place of the last bytes."""
    if len(data) < 12:
        return data
    if data[3] & 2 and len(data) > 4097:
        return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")
    return data[:-2] + binascii.crc_hqx(data[:-2], 0xFFFF).to_bytes(2, "little")


def one_input(data: bytes) -> None:
    """One run."""
    kind, data = data[:1], data[1:]
    mode = kind[0] if kind else 0
    if mode & 1:
        data = mend(data)
    partial = bool(mode & 2)
    try:
        file = gcx.read(data, limits=LIMITS, partial=partial)
    except gcx.FormatError:
        return
    if not file.missing:
        assert gcx.write(file, limits=LIMITS) == data
    for type, body in file.segments:
        with contextlib.suppress(gcx.FormatError):
            if type in (gcx.ICC, gcx.EXIF, gcx.XMP):
                gcx.unpack_metadata(body, LIMITS)
            elif type == gcx.ALPHA:
                gcx.unpack_alpha(body, file.header.size)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
