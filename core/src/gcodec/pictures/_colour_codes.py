"""Colours that a file states in code points (ITU-T H.273) instead of a profile, and gain maps."""

from __future__ import annotations

from gcodec.errors import ImageError

__all__ = ["colour_warning"]

_UNSPECIFIED = 2
_SRGB_PRIMARIES = (1, _UNSPECIFIED)
_SRGB_LIKE = (1, _UNSPECIFIED, 6, 13, 14, 15)  # BT.709 and its kin are shown like sRGB
_HDR = {16: "PQ", 18: "HLG"}
_GAIN_MAPS = {
    "JPEG": (b"http://ns.adobe.com/hdr-gain-map/1.0/", b"urn:iso:std:iso:ts:21496:-1"),
    "MPO": (b"http://ns.adobe.com/hdr-gain-map/1.0/", b"urn:iso:std:iso:ts:21496:-1"),
    "AVIF": (b"tmap",),
    "JXL": (b"jhgm",),
}

#: How far into a file its headers are looked for.
_HEAD = 1 << 18


def colour_warning(name: str, kind: str | None, data: bytes, profiled: bool) -> str | None:
    """Return what reading a file's samples as sRGB, or by its ICC profile, leaves out; None where nothing is.

    Raises ImageError for PQ and HLG: samples that, shown as sRGB, are another picture.
    """
    head = data[:_HEAD]
    if any(mark in head for mark in _GAIN_MAPS.get(kind or "", ())):
        return "its gain map (HDR) is left out; the standard picture is taken"
    codes = _codes(kind, head)
    if codes is None or (profiled and kind == "AVIF"):
        return None
    primaries, transfer = codes
    if transfer in _HDR:
        raise ImageError(
            name,
            f"its brightness is coded as {_HDR[transfer]} (HDR), which is not read; "
            "tone-map it to sRGB first",
        )
    if not profiled and (primaries not in _SRGB_PRIMARIES or transfer not in _SRGB_LIKE):
        return f"its colours (primaries {primaries}, transfer {transfer}) are taken for sRGB"
    return None


def _codes(kind: str | None, head: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of a PNG's cICP chunk or an AVIF's nclx box."""
    if kind == "PNG":
        at = head.find(b"\x00\x00\x00\x04cICP", 0, head.find(b"IDAT"))
        return None if at < 0 else (head[at + 8], head[at + 9])
    at = head.find(b"colrnclx") if kind == "AVIF" else -1
    if at < 0 or len(head) < at + 12:
        return None
    return int.from_bytes(head[at + 8 : at + 10]), int.from_bytes(head[at + 10 : at + 12])
