"""What a reader finds in a file, as the vectors say it: `describe`."""

from __future__ import annotations

import hashlib
from typing import Any

import gcodec_formats as gcx

__all__ = ["describe"]


def describe(file: gcx.File, data: bytes) -> dict[str, Any]:
    """What a reader finds in `file`, as JSON. Bodies over 64 bytes are given by length and SHA-256."""
    identity, size = file.header.identity, file.header.size
    return {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "embedding": identity.id if identity.name is None else identity.name,
        "model": identity.profile if identity.digest is None else identity.digest.hex(),
        "width": size.width,
        "height": size.height,
        "extensions": {str(key): jsonable(v) for key, v in file.header.extensions.items()},
        "progressive": file.progressive,
        "segments": [
            {"type": segment.type, "body": brief(segment.data), **unpacked(segment, size)}
            for segment in file.segments
        ],
        "overhead": gcx.overhead(gcx.layout(data)),
    }


def jsonable(value: object) -> object:
    """A msgpack value as JSON: bytes become {"hex": ...}, a map becomes {"map": [[key, value], ...]}."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {"map": [[key, jsonable(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    return value


def brief(data: bytes) -> str | dict[str, Any]:
    """Short data in hexadecimal, longer data as length and SHA-256."""
    if len(data) <= 64:
        return data.hex()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def unpacked(segment: gcx.Segment, size: gcx.Size) -> dict[str, Any]:
    """What the body of a structured segment holds."""
    if segment.type in (gcx.ICC, gcx.EXIF, gcx.XMP):
        return {"content": brief(gcx.unpack_metadata(segment.data))}
    if segment.type == gcx.ALPHA:
        depth, samples = gcx.unpack_alpha(segment.data, size)
        return {"depth": depth, "content": brief(samples)}
    if segment.type == gcx.COMPANION:
        identity, payload = gcx.unpack_companion(segment.data)
        model = identity.profile if identity.digest is None else identity.digest.hex()
        return {
            "embedding": identity.name or identity.id,
            "model": model,
            "content": brief(payload),
        }
    return {}
