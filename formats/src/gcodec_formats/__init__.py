"""GCX, the file of generative image codecs: reader, writer, limits, errors and the registry of its numbers.

The normative text is spec/FORMAT.md. This package imports neither torch nor NumPy, and msgpack and
zstandard only when a file uses them.
"""

from . import errors, registry
from ._bodies import (
    pack_alpha,
    pack_companion,
    pack_metadata,
    unpack_alpha,
    unpack_companion,
    unpack_metadata,
)
from ._reader import layout, overhead, read, read_header
from ._values import DEFAULT_LIMITS, MAX_SIDE, File, Header, Identity, Limits, Row, Segment, Size
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
