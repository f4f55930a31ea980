"""Rate against distortion over a folder of pictures, measured on real files: what ``gcodec eval`` runs.

    from gcodec_eval import Method, Request, evaluate, find_images

    request = Request(
        images=find_images(Path("kodak")),
        embeddings=(Method("ntc"), Method("webp")),
        reconstructors=(Method("preview"), Method("flow", {"steps": 1})),
        targets=(Target(bpp=0.2), Target(bpp=0.5)),
    )
    found = evaluate(request, Path("results"))     # found.rows: one a point; found.means: one a curve's point

Every file is written by one process and decoded by another that is told its path and the receiver's options only. What
is finished is kept in a journal, so that the same call goes on where an earlier one ended. docs/evaluation.md tells
what each number means.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gcodec_eval._bjontegaard import NoDifference, bd_rate
    from gcodec_eval._request import Method, Request, find_images, known_metrics
    from gcodec_eval._run import evaluate
    from gcodec_eval._summary import Evaluation

__all__ = [
    "known_metrics",
    "Evaluation",
    "Method",
    "NoDifference",
    "Request",
    "bd_rate",
    "evaluate",
    "find_images",
]

_HOME_OF = {
    "known_metrics": "_request",
    "Evaluation": "_summary",
    "Method": "_request",
    "NoDifference": "_bjontegaard",
    "Request": "_request",
    "bd_rate": "_bjontegaard",
    "evaluate": "_run",
    "find_images": "_request",
}


def __getattr__(name: str) -> Any:
    # A worker imports its part of this package before it has said how many threads NumPy may start.
    if name in _HOME_OF:
        return getattr(import_module(f"gcodec_eval.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'gcodec_eval' has no attribute {name!r}")
