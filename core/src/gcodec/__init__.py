"""gcodec: an open foundation for generative image compression.

    import gcodec
    gcx = gcodec.encode(image, "ntc", bpp=0.3)     # bytes of a .gcx file
    picture = gcodec.decode(gcx, "flow")           # any reconstructor

Importing this package imports neither NumPy nor torch; each name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gcodec.errors import GcodecError
    from gcodec.images import Picture, load_image, save_image
    from gcodec.interfaces import Embedding, Reconstructor, Setup, Size
    from gcodec.pipeline import Decoded, decode, encode, inspect, verify
    from gcodec.registry import Registry, registry
    from gcodec.run import Run

    __version__: str

_HOMES = {
    "GcodecError": "errors",
    "Picture": "images",
    "load_image": "images",
    "save_image": "images",
    "Embedding": "interfaces",
    "Reconstructor": "interfaces",
    "Setup": "interfaces",
    "Size": "interfaces",
    "Decoded": "pipeline",
    "decode": "pipeline",
    "encode": "pipeline",
    "inspect": "pipeline",
    "verify": "pipeline",
    "Registry": "registry",
    "registry": "registry",
    "Run": "run",
}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gcodec")
    if name in _HOMES:
        return getattr(import_module(f"gcodec.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gcodec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
