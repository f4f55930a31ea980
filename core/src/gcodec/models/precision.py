"""Whether this processor computes networks faster in bfloat16: measured at first use, and remembered.

Where a processor multiplies bfloat16 by itself (AVX512-BF16, AMX) a convolution takes half of its time in float32; where
torch has to imitate that it takes two to twenty times as long. The answer lies under ``GCODEC_CACHE`` beside what it was
measured on, one file for each processor and version of torch. It decides what pictures cost, never what bits mean
(`gcodec.Run.native`).
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import re
import time
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from gcodec.models.digests import cache_folder, keep_text
from gcodec.models.graphs import torch_missing

__all__ = ["Precision", "chosen", "faster", "settled"]

#: bfloat16 is taken below this ratio of its time to that of float32: far from both of what has been seen, 0.55 and 2.3.
_WORTH = 0.8
#: What is timed: a 3x3 convolution of so many channels on a map of that side, and how often.
_CHANNELS, _SIDE, _TIMES = 64, 32, 7


class Precision(NamedTuple):
    """What was measured on a processor, by a version of torch: the time that bfloat16 takes over that of float32."""

    processor: str
    torch: str
    ratio: float

    @property
    def dtype(self) -> str:
        """The precision to compute in, as `gcodec.Run` has it."""
        return "bfloat16" if self.ratio < _WORTH else "float32"


@lru_cache(maxsize=1)
def faster() -> Precision:
    """Return which precision is the faster on this processor; it takes a hundredth of a second where nobody knows yet."""
    processor, torch = _processor(), _torch()
    name = hashlib.sha256(f"{processor}\0{torch}".encode()).hexdigest()[:32]
    kept = cache_folder() / "precision" / f"{name}.json"
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        known = json.loads(kept.read_text("utf-8"))
        found = Precision(str(known["processor"]), str(known["torch"]), float(known["ratio"]))
        if found[:2] == (processor, torch) and math.isfinite(found.ratio):
            return found
    found = Precision(processor, torch, _measured())
    keep_text(kept, json.dumps(found._asdict(), indent=2) + "\n")
    return found


def settled(dtype: str, device: str) -> str:
    """Return a `gcodec.Run.dtype` that is the same on every machine: for "auto" what it means on this one."""
    if dtype != "auto":
        return dtype
    return "mixed" if chosen("faster", device) == "bfloat16" else "float32"


def chosen(native: str, device: str) -> str:
    """Return the precision on a device of a network that may have any, for a run's `native`."""
    if device != "cpu" or torch_missing():
        return "float32"
    return faster().dtype if native == "faster" else native


def _torch() -> str:
    """The version of torch, if possible without importing it."""
    try:
        return version("torch")
    except PackageNotFoundError:  # a build that nobody installed
        import torch

        return str(torch.__version__)


def _measured() -> float:
    """Return the time of a convolution in bfloat16 over that in float32, each the least of several in turns."""
    import torch
    from torch.nn.functional import conv2d

    def timed(dtype: torch.dtype) -> float:
        x, weight = (
            torch.full(shape, 0.01, dtype=dtype).contiguous(memory_format=torch.channels_last)
            for shape in ((1, _CHANNELS, _SIDE, _SIDE), (_CHANNELS, _CHANNELS, 3, 3))
        )
        begun = time.perf_counter()
        conv2d(x, weight, padding=1)
        return time.perf_counter() - begun

    with torch.inference_mode():
        turns = [(timed(torch.float32), timed(torch.bfloat16)) for _ in range(1 + _TIMES)][1:]
    whole, half = (float(min(turn)) for turn in zip(*turns, strict=True))
    return round(half / whole, 3)


def _processor() -> str:
    """Return the processor's name and which instructions for bfloat16 it has, as far as the system says."""
    said = ""
    with suppress(OSError):
        said = Path("/proc/cpuinfo").read_text("utf-8")
    name = re.search(r"^model name\s*:\s*(.+)$", said, re.MULTILINE)
    words = re.search(r"^(?:flags|Features)\s*:(.+)$", said, re.MULTILINE)
    known = name[1] if name else platform.processor() or platform.machine()
    return " ".join(
        [known, *(word for word in words[1].split() if "bf16" in word)] if words else [known]
    )
