"""What is asked of an evaluation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gcodec.errors import ImageError, UsageError
from gcodec.pipeline.ratecontrol import Target
from gcodec.registry import registry

__all__ = ["Method", "Metric", "Request", "find_images", "known_metrics", "target_label"]


@dataclass(frozen=True)
class Metric:
    """How a metric is shown: its title, its decimals, whether more is better, and whether it is of a set."""

    title: str
    decimals: int
    rises: bool
    of_set: bool = False
    unit: str = ""


#: Metrics between sets of pictures, which only an evaluation has.
_OF_SETS: Mapping[str, Metric] = {
    "fid": Metric("FID", 2, False, of_set=True),
    "kid": Metric("KID", 5, False, of_set=True),
}


def known_metrics() -> Mapping[str, Metric]:
    """Return every metric by name: those that plugins offer, of one picture each, and those of sets."""
    installed = registry().metrics.values()
    return {m.name: Metric(m.title, m.decimals, m.rises, unit=m.unit) for m in installed} | dict(
        _OF_SETS
    )


@dataclass(frozen=True)
class Method:
    """A plugin's name, with the options that are given to it; the others have their defaults."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    def __post_init__(self) -> None:
        given = "".join(f":{name}={value}" for name, value in sorted(self.options.items()))
        object.__setattr__(self, "label", self.label or self.name + given)


@dataclass(frozen=True)
class Request:
    """What to evaluate, and how.

    images          files, as `find_images` returns them.
    embeddings, reconstructors   every pair of them is a series.
    targets         each a point of every series.
    metrics         names out of `known_metrics`.
    baseline        labels of the embedding and the reconstructor that rates are compared with; None: no comparison.
    bpp_range       (least, most) bits per pixel of the points that the comparison takes, with 5 % to spare.
    patch           side in pixels of the patches for FID and KID.
    weights         folder with weights of metrics; None: see `gcodec_eval.metrics.weights.find`.
    download        let libraries fetch weights of metrics that are nowhere at hand.
    jobs            processes at work at a time; None: one a core, as far as 3 GiB of memory for each are there.
    threads         for each of them; None: the cores divided by the jobs.
    seed, device, dtype, memory, models   as in `gcodec.run.Run`; `models` are the user's folders.
    via             adapter that signals must come by in every series; None: whatever is cheapest.
    keep            keep decoded pictures (pictures/ in the output folder).

    Raises UsageError for what cannot be meant.
    """

    images: tuple[Path, ...]
    embeddings: tuple[Method, ...]
    reconstructors: tuple[Method, ...]
    targets: tuple[Target, ...]
    metrics: tuple[str, ...] = ("psnr", "ms_ssim", "lpips")
    baseline: tuple[str, str] | None = None
    bpp_range: tuple[float, float] | None = None
    patch: int = 256
    weights: Path | None = None
    download: bool = False
    jobs: int | None = None
    threads: int | None = None
    seed: int = 0
    device: str = "cpu"
    dtype: str = "float32"
    memory: str = "plenty"
    models: tuple[Path, ...] = ()
    keep: bool = False
    via: str | None = None

    def __post_init__(self) -> None:
        for what, values in (
            ("image", self.images),
            ("embedding", [m.label for m in self.embeddings]),
            ("reconstructor", [m.label for m in self.reconstructors]),
            ("target", self.targets),
            ("metric", self.metrics),
        ):
            if not values:
                raise UsageError(f"name at least one {what}")
            if len(set(values)) < len(values):
                raise UsageError(f"a {what} is named twice")
        for name in self.metrics:
            if name not in known_metrics():
                raise UsageError(
                    f"no metric is called '{name}'; there are {', '.join(known_metrics())}"
                )
        if self.baseline is not None and self.baseline not in self.series:
            known = ", ".join("+".join(pair) for pair in self.series)
            raise UsageError(f"the baseline {'+'.join(self.baseline)} is none of {known}")
        if self.bpp_range is not None and not 0 <= self.bpp_range[0] < self.bpp_range[1]:
            raise UsageError("the range of bits per pixel is two numbers, the lesser first")

    @property
    def series(self) -> tuple[tuple[str, str], ...]:
        """Labels of every pair."""
        return tuple((e.label, r.label) for e in self.embeddings for r in self.reconstructors)


def find_images(folder: Path, limit: int | None = None) -> tuple[Path, ...]:
    """Return the pictures of a folder (not of folders in it), by name; the first `limit` of them.

    A warning counts the files that are passed over. Raises ImageError where there is no picture or the folder cannot be
    read.
    """
    from gcodec.pictures import pictures_among

    try:
        # Links that lead nowhere are pictures that cannot be read; pipes are none.
        found = sorted(
            (
                Path(entry.path)
                for entry in os.scandir(folder)
                if entry.is_file() or not Path(entry.path).exists()
            ),
            key=lambda path: os.fsencode(path.name),
        )
    except OSError as error:
        raise ImageError(str(folder), f"cannot be read: {error.strerror}") from error
    pictures = pictures_among(found, folder)
    if not pictures:
        raise ImageError(str(folder), "there is no picture in this folder")
    return tuple(pictures[:limit])


def target_label(target: Target) -> str:
    """Return a target in a word: "0.5 bpp", "9000 B", "q 0.3"."""
    if target.bpp is not None:
        return f"{target.bpp:g} bpp"
    return f"{target.bytes} B" if target.bytes is not None else f"q {target.quality:g}"
