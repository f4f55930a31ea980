"""The conformance suite: what everything that a plugin can offer must do, as tests to subclass.

A plugin's whole test file can be::

    from gcodec.testing import EmbeddingConformance

    class TestWavelet(EmbeddingConformance):
        name = "acme/wavelet"

and ``pytest`` then writes files, decodes them in fresh processes, damages them and checks what the interface promises.
The class attributes of each suite say what may be set; a test that cannot hold for a method is overridden in the
subclass, with the reason in its docstring. `pictures` makes the test images. Needs pytest, nothing else besides gcodec.

Importing this package imports neither NumPy nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gcodec.testing.adapter import AdapterConformance
    from gcodec.testing.channel import ChannelConformance
    from gcodec.testing.codebook import CodebookConformance
    from gcodec.testing.command import CommandConformance
    from gcodec.testing.denoiser import DenoiserConformance
    from gcodec.testing.embedding import EmbeddingConformance
    from gcodec.testing.metric import MetricConformance
    from gcodec.testing.reconstructor import ReconstructorConformance
    from gcodec.testing.space import LatentSpaceConformance

__all__ = [
    "AdapterConformance",
    "ChannelConformance",
    "CodebookConformance",
    "CommandConformance",
    "DenoiserConformance",
    "EmbeddingConformance",
    "LatentSpaceConformance",
    "MetricConformance",
    "ReconstructorConformance",
]

#: Suite -> its module.
HOMES = {
    "AdapterConformance": "adapter",
    "ChannelConformance": "channel",
    "CodebookConformance": "codebook",
    "CommandConformance": "command",
    "DenoiserConformance": "denoiser",
    "EmbeddingConformance": "embedding",
    "LatentSpaceConformance": "space",
    "MetricConformance": "metric",
    "ReconstructorConformance": "reconstructor",
}


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(import_module(f"gcodec.testing.{HOMES[name]}"), name)
    raise AttributeError(f"module 'gcodec.testing' has no attribute {name!r}")
