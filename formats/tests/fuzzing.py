"""What tests/test_fuzz.py and fuzz/fuzz_read.py do with bytes from anywhere."""

from __future__ import annotations

import binascii
import contextlib
import zlib

import gcodec_formats as gcx

__all__ = ["mend", "use"]

LIMITS = gcx.Limits(pixels=1 << 20, expansion=1 << 20)


def use(data: bytes) -> None:
    """Do what a reader does with a file, as far as this package goes. Raises AssertionError for a defect."""
    for partial in (False, True):
        with contextlib.suppress(gcx.FormatError):
            gcx.read_header(data, limits=LIMITS)
        try:
            file = gcx.read(data, limits=LIMITS, partial=partial)
        except gcx.FormatError as error:
            assert "\n" not in str(error)
            continue
        assert sum(row.length for row in gcx.layout(data, limits=LIMITS, partial=partial)) == len(
            data
        )
        if not file.missing:
            assert gcx.write(file, limits=LIMITS) == data
        for type, body in file.segments:
            with contextlib.suppress(gcx.FormatError):
                if type in (gcx.ICC, gcx.EXIF, gcx.XMP):
                    gcx.unpack_metadata(body, LIMITS)
                elif type == gcx.ALPHA:
                    gcx.unpack_alpha(body, file.header.size)
                elif type == gcx.COMPANION:
                    gcx.unpack_companion(body)


def mend(data: bytes) -> bytes:
    """Put a right checksum in place of the last bytes, so that what lies behind the check is reached."""
    if len(data) < 8:
        return data
    if data[3] & 2 and len(data) > 4097:
        return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")
    return data[:-2] + binascii.crc_hqx(data[:-2], 0xFFFF).to_bytes(2, "little")
