"""gcodec: an open foundation for generative image compression.

    import gcodec

    picture = gcodec.load_image("photo.png")
    made = gcodec.encode(picture, "ntc", target=gcodec.Target(bpp=0.3))   # made.data: bytes of a .gcx file
    decoded = gcodec.decode(made.data, "flow")                            # any reconstructor
    gcodec.save_decoded(decoded, "photo.decoded.png")

Importing this package imports neither NumPy nor torch; each name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gcodec.errors import GcodecError
    from gcodec.interfaces import Embedding, Reconstructor, Setup, Size
    from gcodec.pictures import Picture, load_image, save_image
    from gcodec.pipeline.decoding import Decoded, decode, save_decoded, verify
    from gcodec.pipeline.encoding import Encoded, encode
    from gcodec.pipeline.inspection import inspect
    from gcodec.pipeline.ratecontrol import Target
    from gcodec.pipeline.session import Session
    from gcodec.pipeline.trying import Trials
    from gcodec.registering import register
    from gcodec.registry import Registry
    from gcodec.run import Run

    __version__: str

__all__ = [
    "Decoded",
    "Embedding",
    "Encoded",
    "GcodecError",
    "Picture",
    "Reconstructor",
    "Registry",
    "Run",
    "Session",
    "Setup",
    "Size",
    "Target",
    "Trials",
    "__version__",
    "decode",
    "encode",
    "inspect",
    "load_image",
    "register",
    "save_decoded",
    "save_image",
    "verify",
]

_HOMES = {
    "errors": ("GcodecError",),
    "interfaces": ("Embedding", "Reconstructor", "Setup", "Size"),
    "pictures": ("Picture", "load_image", "save_image"),
    "pipeline.decoding": ("Decoded", "decode", "save_decoded", "verify"),
    "pipeline.encoding": ("Encoded", "encode"),
    "pipeline.inspection": ("inspect",),
    "pipeline.ratecontrol": ("Target",),
    "pipeline.session": ("Session",),
    "pipeline.trying": ("Trials",),
    "registering": ("register",),
    "registry": ("Registry",),
    "run": ("Run",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gcodec")
    if name in _HOME_OF:
        return getattr(import_module(f"gcodec.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'gcodec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
