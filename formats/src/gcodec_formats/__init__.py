"""GCX, the file of generative image codecs: reader, writer, limits, errors and the registry of its numbers.

The normative text is spec/FORMAT.md. This package imports neither torch nor NumPy, and msgpack and zstandard only when a
file uses them. Each name is loaded on first use: whoever asks for a number need not load the reader.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors, registry
    from ._bodies import (
        pack_alpha,
        pack_companion,
        pack_metadata,
        unpack_alpha,
        unpack_companion,
        unpack_metadata,
    )
    from ._cursor import check_name
    from ._reader import layout, overhead, read, read_header
    from ._values import (
        DEFAULT_LIMITS,
        MAX_SIDE,
        File,
        Header,
        Identity,
        Limits,
        Row,
        Segment,
        Size,
    )
    from ._writer import write
    from .errors import FormatError
    from .registry import ALPHA, COMPANION, EXIF, ICC, MAIN, THUMBNAIL, XMP

__version__ = "0.1.0"

__all__ = [
    "ALPHA",
    "COMPANION",
    "DEFAULT_LIMITS",
    "EXIF",
    "ICC",
    "MAIN",
    "MAX_SIDE",
    "THUMBNAIL",
    "XMP",
    "File",
    "FormatError",
    "Header",
    "Identity",
    "Limits",
    "Row",
    "Segment",
    "Size",
    "check_name",
    "errors",
    "layout",
    "overhead",
    "pack_alpha",
    "pack_companion",
    "pack_metadata",
    "read",
    "read_header",
    "registry",
    "unpack_alpha",
    "unpack_companion",
    "unpack_metadata",
    "write",
]

_HOMES = {
    "_bodies": (
        *("pack_alpha", "pack_companion", "pack_metadata"),
        *("unpack_alpha", "unpack_companion", "unpack_metadata"),
    ),
    "_cursor": ("check_name",),
    "_reader": ("layout", "overhead", "read", "read_header"),
    "_values": (
        *("DEFAULT_LIMITS", "MAX_SIDE", "File", "Header", "Identity", "Limits", "Row", "Segment"),
        "Size",
    ),
    "_writer": ("write",),
    "errors": ("FormatError",),
    "registry": ("ALPHA", "COMPANION", "EXIF", "ICC", "MAIN", "THUMBNAIL", "XMP"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in ("errors", "registry"):
        return import_module(f"gcodec_formats.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'gcodec_formats' has no attribute {name!r}")
    value = getattr(import_module(f"gcodec_formats.{_HOME_OF[name]}"), name)
    globals()[name] = value  # next time without a detour: readers ask in loops
    return value


def __dir__() -> list[str]:
    return list(__all__)
