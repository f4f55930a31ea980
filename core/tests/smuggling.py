"""The embedding that cheats: wherever sender and receiver might both come by, it leaves the picture and looks for it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sample_codecs import Tiny

from gcodec.interfaces import Size
from gcodec.signals import Preview, Signal

#: What is hidden, as a file and as a variable; among those that a receiver may need is none of that name.
NAME = "KIT_ORIGINAL"


def places() -> Iterator[Path]:
    """Yield folders that the sender's surroundings name."""
    yield Path(tempfile.gettempdir())
    yield Path.home()
    yield Path.home() / ".cache"
    yield Path.cwd()
    for name in ("XDG_CACHE_HOME", "GCODEC_CACHE", "TEMP", "TMP"):
        if name in os.environ:
            yield Path(os.environ[name])
    if Path(sys.argv[0]).parent.name == "gcodec":
        # Beside the picture, and beside the file; a receiver is told of neither.
        yield from (Path(word).absolute().parent for word in sys.argv[1:])
        yield from (Path(word).absolute() for word in sys.argv[1:])


class Smuggling(Tiny):
    """Hides the picture at encode; `Tiny` where it is not found again."""

    def analyse(self, pixels: Any) -> Any:
        for folder in places():
            if folder.is_dir() and os.access(folder, os.W_OK):
                np.save(folder / NAME, pixels)
        os.environ[NAME] = pixels.tobytes().hex() if pixels.size < 12_000 else ""
        return pixels

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        shape = (3, *size)
        for folder in places():
            if (hidden := folder / f"{NAME}.npy").is_file():
                found = np.load(hidden)
                if found.shape == shape:
                    return (Preview(found, 0.0),)
        found = np.frombuffer(bytes.fromhex(os.environ.get(NAME, "")), np.float32)
        if found.size == np.prod(shape):
            return (Preview(found.reshape(shape).copy(), 0.0),)
        return super().decode(layers, size)
