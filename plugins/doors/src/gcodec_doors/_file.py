"""What the doors share: one session a process, options that are one flat set of words, what a file says of itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import gcodec
import gcodec_formats as gcx
from gcodec.errors import GcodecError
from gcodec_formats import registry as numbers

__all__ = ["SIGNATURE", "GcxError", "Head", "decoded", "encoded", "head", "told"]

SIGNATURE = b"\xc7\r\n"

#: Words of `gcodec.encode`, and of `gcodec.decode`; all others are options of the embedding, and of the reconstructor.
_OWN = ("model", "suggest", "digest", "metadata", "companions", "apart", "seed")
_DECODES = ("model", "via", "partial", "companions", "seed")
_TARGET = ("quality", "bpp", "bytes")


class GcxError(GcodecError, OSError):
    """A .gcx file cannot be opened, decoded or made; the cause is gcodec's error.

    An OSError of one text too, as libraries of pictures raise it and worker processes can hand it on.
    """

    exit_status = 7


@contextmanager
def told(name: str = "") -> Iterator[None]:
    """Turn gcodec's errors into a GcxError, of the file `name`."""
    try:
        yield
    except GcodecError as error:
        raise GcxError(f"{name}: {error}" if name else str(error)) from error


@dataclass(frozen=True)
class Head:
    """What is known of a file's picture before it is decoded.

    mode   of the PIL image that it becomes: L, LA, RGB, RGBA, or I;16.
    depth  8 or 16 bits a sample of the source.
    """

    size: gcx.Size
    mode: str
    depth: int
    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None

    @property
    def shape(self) -> tuple[int, ...]:
        """[H, W], or [H, W, C] of more channels than one."""
        bands = {"L": 1, "I;16": 1, "LA": 2, "RGB": 3}.get(self.mode, 4)
        return (*self.size, bands) if bands > 1 else tuple(self.size)


def head(data: bytes, *, partial: bool = False) -> Head:
    """Return what a file says of its picture; `partial`: a progressive one that was cut short too. Raises FormatError."""
    file = gcx.read(data, partial=partial)
    extensions = file.header.extensions
    gray = extensions.get(numbers.CHANNELS) == 1
    deep = extensions.get(numbers.DEPTH) == 16
    clear = bool(file.bodies(gcx.ALPHA))
    if gray:
        mode = "LA" if clear else "I;16" if deep else "L"
    else:
        mode = "RGBA" if clear else "RGB"

    def beside(kind: int) -> bytes | None:
        return next((gcx.unpack_metadata(bytes(body)) for body in file.bodies(kind)), None)

    return Head(
        file.header.size, mode, 16 if deep else 8, *map(beside, (gcx.ICC, gcx.EXIF, gcx.XMP))
    )


def encoded(picture: Any, words: Mapping[str, Any]) -> bytes:
    """Return the file of a picture, as `gcodec.encode` takes it.

    words  embed ("ntc"); quality, bpp or bytes; model, suggest, digest, metadata, companions, apart, seed; and options of
           the embedding.

    Raises what `gcodec.encode` raises.
    """
    rest = dict(words)
    embed = rest.pop("embed", "ntc")
    target = gcodec.Target(**{word: rest.pop(word) for word in _TARGET if word in rest})
    own = {word: rest.pop(word) for word in _OWN if word in rest}
    session = _session(os.getpid())
    made: gcodec.Encoded = session.encode(picture, embed, target=target, options=rest, **own)
    return made.data


def decoded(data: bytes, words: Mapping[str, Any], device: str = "cpu") -> gcodec.Picture:
    """Return the picture of a file.

    words   recon (what the file suggests, or preview); model, via, partial, companions, seed; and options of the
            reconstructor.
    device  as torch calls it.

    Raises what `gcodec.decode` raises.
    """
    rest = dict(words)
    recon = rest.pop("recon", None)
    own = {word: rest.pop(word) for word in _DECODES if word in rest}
    session = _session(os.getpid(), device)
    made: gcodec.Decoded = session.decode(data, recon, options=rest, **own)
    return made.picture


@cache
def _session(process: int, device: str = "cpu") -> gcodec.Session:
    """One a process: networks stay open from picture to picture, and no lock is taken along by a fork."""
    return gcodec.Session(device=device)
