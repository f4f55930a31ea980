"""What metrics are taken with here, and what decides one of their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gcodec.errors import MetricUnavailable
from gcodec.registry import registry
from gcodec_eval import _identity as identity
from gcodec_eval._points import Row
from gcodec_eval._request import Request, known_metrics

__all__ = ["at_hand", "number_of", "of_pictures", "of_sets", "taken_with"]


def at_hand(request: Request) -> tuple[dict[str, Any], list[str]]:
    """Return metric -> what it is taken with, None for one that cannot be had here, and notes on those."""
    from importlib.util import find_spec

    from gcodec_eval.metrics import weights

    pinned = {
        "lpips": weights.LPIPS,
        "dists": weights.DISTS,
        "fid": weights.INCEPTION,
        "kid": weights.INCEPTION,
    }
    found: dict[str, Any] = {}
    notes = []
    for name in request.metrics:
        if name not in pinned:
            found[name] = {}
            continue
        wanted = pinned[name]
        found[name] = {"network": wanted.network, "sha256": wanted.digest}
        if known_metrics()[name].of_set:
            found[name]["patch"] = request.patch
        try:
            weights.find(wanted, request.weights)
        except MetricUnavailable as error:
            if request.download and not known_metrics()[name].of_set and find_spec("torchvision"):
                found[name]["sha256"] = "as torchvision downloads it"
                continue
            found[name] = None
            notes.append(f"{known_metrics()[name].title} is not measured. {error}")
    return found, notes


def of_pictures(networks: Mapping[str, Any]) -> list[str]:
    """Return the metrics of one picture that can be had."""
    return _had(networks, of_set=False)


def of_sets(networks: Mapping[str, Any]) -> list[str]:
    """Return the metrics of sets of pictures that can be had."""
    return _had(networks, of_set=True)


def _had(networks: Mapping[str, Any], *, of_set: bool) -> list[str]:
    metrics = known_metrics()
    return [n for n, given in networks.items() if given is not None and metrics[n].of_set is of_set]


def number_of(name: str, network: Any, image: str, pixels: str | None) -> Row:
    """Return the identity of one metric of one picture; of a metric of sets that of the features it is taken from, which
    are the original's own where `pixels` is None.

    image: digest of the original. pixels: digest of the decoded samples.
    """
    common = {"network": network, "software": taken_with(name)}
    if known_metrics()[name].of_set:
        subject = {"original": image} if pixels is None else {"pixels": pixels}
        return {"step": "describe", **subject, **common}
    return {"step": "judge", "metric": name, "image": image, "pixels": pixels, **common}


def taken_with(name: str) -> Row:
    """Return what computes a metric: versions and sources."""
    spec = registry().metrics.get(name)
    # Those of sets are no plugin's, but this distribution's own.
    return identity.software((spec,) if spec else (), ours=not spec)
