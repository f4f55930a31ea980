"""LPIPS v0.1 with AlexNet, from the package lpips."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcodec.errors import MetricUnavailable
from gcodec_eval.metrics._pixels import batch, library, require_side
from gcodec_eval.metrics.weights import LPIPS, find

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["lpips", "lpips_network"]

#: AlexNet's convolutions and poolings leave nothing of less.
_SIDE = 31


def lpips(
    a: FloatArray, b: FloatArray, *, weights: Path | None = None, download: bool = False
) -> float:
    """Return LPIPS v0.1 with AlexNet: 0 for equal pictures, rarely above 1.

    weights   folder that holds `LPIPS_FILE`; without it those that the environment variable GCODEC_METRICS names.
    download  let torchvision fetch AlexNet from its server where there is no such file.

    Raises MetricUnavailable where no weights are at hand, where the file is not the one pinned by `LPIPS_DIGEST`, below
    31 pixels a side, and where the package lpips is not installed.
    """
    require_side("LPIPS", a, b, _SIDE)
    network = lpips_network(_folder(weights, download))
    torch = library("LPIPS", "torch")
    with torch.inference_mode():
        # From 0..255 to the network's -1..1.
        return float(network(batch(a) / 127.5 - 1, batch(b) / 127.5 - 1))


def _folder(weights: Path | None, download: bool) -> Path | None:
    try:
        return find(LPIPS, weights).parent
    except MetricUnavailable:
        if weights is not None or not download:
            raise
        return None


@cache
def lpips_network(folder: Path | None) -> Any:
    """Return the network of the package lpips, its weights from `folder`, or from torchvision's server.

    It takes two batches [B, 3, H, W] in [-1, 1] and gives [B, 1, 1, 1]; gradients flow to the pictures only, so that it
    serves as a training loss. Raises MetricUnavailable as `lpips` does.
    """
    state = None if folder is None else _state(folder)
    package = library("LPIPS", "lpips")
    with warnings.catch_warnings():
        # lpips 0.1.4 passes torchvision arguments that are deprecated there.
        warnings.simplefilter("ignore")
        if state is None:
            try:
                network = package.LPIPS(net="alex", verbose=False)
            except OSError as error:
                raise MetricUnavailable("LPIPS", f"AlexNet cannot be fetched: {error}") from error
            return network.eval().requires_grad_(False)
        network = package.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False)
    network.load_state_dict(state | dict(network.named_buffers()), strict=True)
    return network.eval().requires_grad_(False)


def _state(folder: Path) -> dict[str, Any]:
    """Read the pinned file, under the names that the package lpips gives the same tensors."""
    path = find(LPIPS, folder)
    state: dict[str, Any] = {}
    for name, tensor in library("LPIPS", "safetensors.torch").load_file(path).items():
        part, number, *rest = name.replace("lin", "lin.").split(".")
        if part == "features":
            # lpips cuts AlexNet's layer list into slices; convolutions are its layers 0, 3, 6, 8, 10.
            slice_number = 1 + (0, 3, 6, 8, 10).index(int(number))
            state[f"net.slice{slice_number}.{number}.{rest[0]}"] = tensor
        else:
            state[f"lin{number}.model.1.weight"] = tensor
            state[f"lins.{number}.model.1.weight"] = tensor
    return state
