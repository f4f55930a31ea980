"""What pages with reconstructions are told: pictures, results and metrics as page/src/report wants them, and bytes beside.

A part is bytes that a page has by the SHA-256 of its contents; `hold` takes one and returns that name.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import gcodec_formats as gcx
from gcodec.plugin import MetricSpec
from gcodec.registry import registry

if TYPE_CHECKING:
    from gcodec.pictures import Picture
    from gcodec.signals import FloatArray

__all__ = [
    "File",
    "Hold",
    "fidelity_table",
    "metric_table",
    "outcome",
    "picture_table",
    "setting",
]

Hold = Callable[[bytes], str]

#: Largest side of a thumbnail, in pixels.
_SIDE = 288

#: What every browser shows as it is; of anything else the samples are kept as a PNG.
_SHOWN = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class File(NamedTuple):
    """A file by its name, without folders, and what is in it."""

    name: str
    data: bytes


def metric_table(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return what the pages say of metrics. Raises UnknownPlugin."""
    specs = [registry().named(MetricSpec, name) for name in dict.fromkeys(names)]
    return [
        {"name": m.name, "title": m.title, "summary": m.summary}
        | {"rises": m.rises, "decimals": m.decimals, "unit": m.unit}
        for m in specs
    ]


def picture_table(file: File, picture: Picture, hold: Hold) -> dict[str, Any]:
    """Return what the pages say of a picture, which was read from `file`: name, size, thumbnail, digest, and its part."""
    kind = next((kind for start, kind in _SHOWN.items() if file.data.startswith(start)), None)
    shown = file.data if kind else _png(picture)
    height, width = picture.size
    return {
        "name": file.name,
        "width": width,
        "height": height,
        "part": hold(shown),
        "type": kind or "image/png",
        "thumbnail": _thumbnail(picture),
        "sha256": hashlib.sha256(file.data).hexdigest(),
    }


def fidelity_table(error: FloatArray, hold: Hold) -> dict[str, str]:
    """Return what the pages say of errors [H, W] in levels of 8 bits: the part that is gray of 8 bits, 4 to a level."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray((4 * error).round().clip(0, 255).astype("uint8")).save(stream, "PNG")
    return {"part": hold(stream.getvalue())}


def outcome(
    original: str,
    file: File,
    decoded: File,
    picture: Picture,
    words: tuple[Sequence[str] | None, Sequence[str]],
    hold: Hold,
) -> dict[str, Any]:
    """Return what the pages say of a `file` that was decoded to the `picture` in `decoded`. Raises FormatError.

    original  name of the picture that was encoded.
    words     what `gcodec encode` and `decode` are told to do the same again; None where nothing was encoded.
    """
    size = gcx.read(file.data, partial=True).header.size
    encode, decode = words
    commands = [["decode", file.name, *decode]]
    if encode is not None:
        commands.insert(0, ["encode", original, "-o", file.name, *encode])
    return {
        "bytes": len(file.data),
        "bpp": 8 * len(file.data) / (size.width * size.height),
        "file": {
            "name": file.name,
            "part": hold(file.data),
            "sha256": hashlib.sha256(file.data).hexdigest(),
        },
        "decoded": picture_table(decoded, picture, hold),
        "commands": [shlex.join(["gcodec", *command]) for command in commands],
    }


def setting(name: str, options: Mapping[str, Any]) -> str:
    """A plugin with its options as one word: "flow:steps=4"."""
    return ":".join(
        [name, *(f"{key}={value}" for key, value in options.items() if value is not None)]
    )


def _thumbnail(picture: Picture) -> str:
    from PIL import Image

    small = picture.to_pil().convert("RGB")
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "WEBP", quality=72)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _png(picture: Picture) -> bytes:
    stream = io.BytesIO()
    image = picture.to_pil()
    image.convert("RGBA" if "A" in image.mode else "RGB").save(stream, "PNG", compress_level=4)
    return stream.getvalue()
