"""What a file says about itself, without loading a plugin or decoding anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gcodec_formats as gcx
from gcodec.files import file_bytes
from gcodec.pipeline.origin import FAITHFUL, origin
from gcodec_formats import registry as numbers

__all__ = ["inspect"]


def inspect(data: bytes | str | Path, *, partial: bool = False) -> dict[str, Any]:
    """Return the contents of the header of a file, a path or its bytes, and the place of every part.

    Keys: bytes, width, height, bpp, embedding, package (who supplies the embedding, where nobody but the file says so: with
    these words), model, extensions, origin (what a picture is that is decoded as the file suggests,
    `gcodec.pipeline.origin`), progressive, layers, missing_layers, payload (bytes of layers), beside (bytes of all other
    segments), overhead (bytes that the format adds to both), layout (rows of offset, bytes, part). The three numbers of
    bytes add up to the file.
    Raises FormatError.
    """
    data = file_bytes(data)
    file = gcx.read(data, partial=partial)
    header, identity = file.header, file.header.identity
    entry = numbers.embedding(identity.id) if identity.id is not None else None
    size = header.size
    layers = [len(body) for body in file.bodies(gcx.MAIN)]
    rows = gcx.layout(data, partial=partial)
    overhead = gcx.overhead(rows)
    return {
        "bytes": len(data),
        "width": size.width,
        "height": size.height,
        "bpp": round(8 * len(data) / (size.width * size.height), 5),
        "embedding": identity.name or (entry.name if entry else f"number {identity.id}"),
        "package": entry.package if entry else _claimed(header.extensions.get(numbers.PACKAGE)),
        "model": (
            f"digest {identity.digest.hex()}..."
            if identity.digest is not None
            else f"profile {identity.profile}"
        ),
        "extensions": {_extension_name(k): _shown(v) for k, v in header.extensions.items()},
        "origin": origin(*_suggestion(header.extensions.get(numbers.RECONSTRUCTOR))),
        "progressive": file.progressive,
        "layers": len(layers),
        "missing_layers": file.missing.count(gcx.MAIN),
        "payload": sum(layers),
        "beside": len(data) - sum(layers) - overhead,
        "overhead": overhead,
        "layout": [{"offset": row.offset, "bytes": row.length, "part": row.name} for row in rows],
    }


def _claimed(package: object) -> str:
    return f"unregistered; the file says: pip install {package}" if package else "unregistered"


def _suggestion(value: Any) -> tuple[str, object]:
    """Reconstructor and realism of the suggestion in a file, or of what is taken where there is none."""
    return (value[0], value[1].get("realism")) if value else (FAITHFUL, None)


def _extension_name(key: int) -> str:
    entry = numbers.extension(key)
    return entry.name if entry else f"key {key}"


def _shown(value: object) -> object:
    """Bytes in hexadecimal, at any depth, so that JSON can hold them."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, (list, tuple)) else value
