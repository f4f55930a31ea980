"""DISTS with VGG16, from the package torchmetrics."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

from gcodec.errors import MetricUnavailable
from gcodec_eval.metrics._pixels import batch, library, require_side
from gcodec_eval.metrics.weights import DISTS, find

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["dists"]

#: Four poolings by two must leave something to take a variance of.
_SIDE = 32

#: Layers of VGG16 that each stage of DISTS begins before; pooling layers are replaced (Ding et al. 2020, section III-A).
_STAGES = (0, 4, 9, 16, 23)


def dists(
    a: FloatArray, b: FloatArray, *, weights: Path | None = None, download: bool = False
) -> float:
    """Return DISTS (Ding, Ma, Wang, Simoncelli 2020): 0 for equal pictures, at most about 1.

    Pictures are compared at the size they have; the authors' script for databases of ratings shrinks the short side to
    256 pixels first, which this does not.

    weights   folder that holds the pinned file; without it those that the environment variable GCODEC_METRICS names.
    download  let torchvision fetch VGG16 from its server where there is no such file.

    Raises MetricUnavailable where no weights are at hand, where the file is not the one pinned, below 32 pixels a side,
    and where torchmetrics or torchvision is not installed.
    """
    require_side("DISTS", a, b, _SIDE)
    try:
        path: Path | None = find(DISTS, weights)
    except MetricUnavailable:
        if weights is not None or not download:
            raise
        path = None
    network = _network(path)
    torch = library("DISTS", "torch")
    with torch.inference_mode():
        return float(network(batch(a) / 255, batch(b) / 255))


@cache
def _network(path: Path | None) -> Any:
    module = library("DISTS", "torchmetrics.functional.image.dists")
    vgg = library("DISTS", "torchvision.models.vgg")
    if path is None:
        try:
            return module.DISTSNetwork().eval()
        except OSError as error:
            raise MetricUnavailable("DISTS", f"VGG16 cannot be fetched: {error}") from error
    # torchmetrics builds the stages from torchvision's pretrained VGG16, which it would download; the convolutions are
    # all that it takes of it.
    bare = SimpleNamespace(features=vgg.make_layers(vgg.cfgs["D"]))
    with mock.patch.object(module, "vgg16", lambda weights: bare):
        network = module.DISTSNetwork(load_weights=False)
    network.load_state_dict(_state(path) | dict(network.named_buffers()), strict=True)
    return network.eval()


def _state(path: Path) -> dict[str, Any]:
    """Read the pinned file, under the names that torchmetrics gives the same tensors."""
    state: dict[str, Any] = {}
    for name, tensor in library("DISTS", "safetensors.torch").load_file(path).items():
        part, *rest = name.split(".")
        if part == "features":
            stage = sum(int(rest[0]) >= first for first in _STAGES)
            state[f"stage{stage}.{'.'.join(rest)}"] = tensor
        else:
            state[name] = tensor
    return state
