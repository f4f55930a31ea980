"""A generative reconstruction is not a photograph, and whoever receives the picture must be able to tell."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gcodec.pipeline import Decoded

__all__ = ["save_decoded"]

_FAITHFUL = "preview"


def save_decoded(made: Decoded, output: str, *, force: bool = False) -> None:
    """Save a reconstruction with the codec's parameters in its metadata, to a file or to "-" as PNG.

    Pictures from any reconstructor but `preview` carry the IPTC digital source type for algorithmic media.
    Raises OutputError, OutputExists.
    """
    import sys

    from gcodec.images import save_image

    parameters = {
        "gcodec": version("gcodec"),
        "embedding": made.embedding,
        "reconstructor": made.reconstructor,
    }
    target: Any = sys.stdout.buffer if output == "-" else Path(output)
    save_image(
        made.picture,
        target,
        parameters=parameters,
        generative=made.reconstructor != _FAITHFUL,
        force=force,
    )
