"""What the processes of an evaluation do, one function for each role; each gets a task that holds plain values only.

    sender    `encode_file`    picture -> .gcx file
    receiver  `decode_file`    bytes of a .gcx file -> bytes of a PNG; it gets these and its options, and is alone
    judge     `judge`, `describe`, `compare`    pictures -> numbers

A process has one role all its life. Each function returns a dict of what JSON can hold: the result, or
{"error": {"kind": class of the exception, "text": one line}}, with the "traceback" of what nobody raises on purpose.
A file that a process writes lies in the folder of the evaluation, and its result names it as there.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gcodec.pipeline.ratecontrol import Target

if TYPE_CHECKING:
    from gcodec.run import Run

__all__ = [
    "Compare",
    "Contents",
    "Decode",
    "Describe",
    "Encode",
    "Judge",
    "compare",
    "decode_file",
    "describe",
    "encode_file",
    "judge",
    "pixels_digest",
]

Task = TypeVar("Task")


@dataclass(frozen=True)
class Encode:
    """Write `file`, in `folder`, from the picture `image`."""

    image: str
    embedding: str
    options: Mapping[str, Any]
    target: Target
    seed: int
    device: str
    memory: str
    models: tuple[str, ...]
    folder: str
    file: str


@dataclass(frozen=True)
class Contents:
    """What a file holds: another process gets its bytes. They are read on the way, so that few are in memory at a time."""

    file: str

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        return bytes, (Path(self.file).read_bytes(),)


@dataclass(frozen=True)
class Decode:
    """Decode `data`, a whole file; in the receiver's process, bytes. `models` are absolute paths."""

    data: Contents | bytes
    reconstructor: str
    options: Mapping[str, Any]
    device: str
    dtype: str
    memory: str
    models: tuple[str, ...]
    via: str | None


@dataclass(frozen=True)
class Judge:
    """Take `metric`, one of a picture, of `picture` against `image`."""

    image: str
    picture: str
    metric: str
    weights: str | None
    download: bool


@dataclass(frozen=True)
class Describe:
    """Write to `file`, in `folder`, the features of the patches of `picture`."""

    picture: str
    patch: int
    weights: str | None
    folder: str
    file: str


@dataclass(frozen=True)
class Compare:
    """Take `metric` ("fid", "kid") between two lists of files of features."""

    metric: str
    real: tuple[str, ...]
    decoded: tuple[str, ...]


def _guarded(function: Callable[[Task], dict[str, Any]]) -> Callable[[Task], dict[str, Any]]:
    """Turn whatever goes wrong into a result: one point that fails must not end an evaluation."""

    @wraps(function)
    def guarded(task: Task) -> dict[str, Any]:
        import traceback
        import warnings

        from gcodec.errors import GcodecError, PluginError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return function(task)
        except Exception as error:
            shown = traceback.format_exc()
            if os.environ.get("GCODEC_TRACEBACK"):
                print(shown, file=sys.stderr, flush=True)
            text = " ".join(str(error).split()) or "no reason given"
            found = {"kind": type(error).__name__, "text": text}
            meant = isinstance(error, GcodecError) and not isinstance(error, PluginError)
            return {"error": found if meant else {**found, "traceback": shown}}

    return guarded


@_guarded
def encode_file(task: Encode) -> dict[str, Any]:
    """Encode; the first call of a process encodes twice, and the time of the first is `warmup_seconds`."""
    from gcodec.files import atomic_write
    from gcodec.pictures import load_image
    from gcodec.pipeline.encoding import encode

    run = _run(task.device, "float32", task.memory, task.models).with_seed(task.seed)
    picture = load_image(Path(task.image))

    def make(target: Target) -> Any:
        return encode(picture, task.embedding, target=target, options=task.options, run=run)

    warm = _warm_up(lambda: make(Target(quality=0.5)))
    made = make(task.target)
    path = Path(task.folder, task.file)
    with atomic_write(path, force=True) as stream:
        stream.write(made.data)
    data = path.read_bytes()
    return {
        "file": task.file,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(data).hexdigest(),
        "width": picture.size.width,
        "height": picture.size.height,
        "quality": made.quality,
        "seconds": dict(made.seconds),
        **warm,
        **_resources(),
    }


@_guarded
def decode_file(task: Decode) -> dict[str, Any]:
    """Decode; warmed up as in `encode_file`. `pixels` is the SHA-256 of the picture's 8-bit samples, `png` the picture."""
    from gcodec.pipeline.decoding import decode, save_decoded

    run = _run(task.device, task.dtype, task.memory, task.models)

    data = task.data
    assert isinstance(data, bytes)

    def made() -> Any:
        return decode(data, task.reconstructor, options=task.options, via=task.via, run=run)

    warm = _warm_up(made)
    decoded = made()
    resources = _resources()
    picture = BytesIO()
    save_decoded(decoded, picture)
    return {
        "path": decoded.path.explain(),
        "pixels": pixels_digest(decoded.picture.pixels),
        "seconds": dict(decoded.seconds),
        **warm,
        **resources,
        "png": picture.getvalue(),
    }


@_guarded
def judge(task: Judge) -> dict[str, Any]:
    """Return {"value": number}."""
    from gcodec.border import check_number, of_plugin
    from gcodec.pictures import load_image
    from gcodec.plugin import MetricSpec
    from gcodec.registry import load_object, registry

    a, b = (load_image(Path(path)).pixels for path in (task.image, task.picture))
    weights = Path(task.weights) if task.weights else None
    learned = {"weights": weights, "download": task.download}
    more = learned if task.metric in ("lpips", "dists") else {}
    spec = registry().named(MetricSpec, task.metric)
    with of_plugin(spec):
        return {"value": check_number(load_object(spec.name, spec.implementation)(a, b, **more))}


@_guarded
def describe(task: Describe) -> dict[str, Any]:
    """Return {"file": where the features are, "patches": how many}."""
    import numpy as np

    from gcodec.files import atomic_write
    from gcodec.pictures import load_image
    from gcodec_eval import metrics

    cut = metrics.patches(load_image(Path(task.picture)).pixels, task.patch)
    found = metrics.features(cut, weights=Path(task.weights) if task.weights else None)
    with atomic_write(Path(task.folder, task.file), force=True) as stream:
        np.save(stream, found, allow_pickle=False)
    return {"file": task.file, "patches": len(found)}


@_guarded
def compare(task: Compare) -> dict[str, Any]:
    """Return {"value": number, "patches": how many on each side}."""
    import numpy as np

    from gcodec_eval import metrics

    real, decoded = (
        np.concatenate([np.load(file, allow_pickle=False) for file in files])
        for files in (task.real, task.decoded)
    )
    return {"value": getattr(metrics, task.metric)(real, decoded), "patches": len(decoded)}


@cache
def _run(device: str, dtype: str, memory: str, models: tuple[str, ...]) -> Run:
    """Return this process's run: weights are checked once."""
    from gcodec.models import ModelStore
    from gcodec.run import Run

    store = ModelStore.installed(Path(folder) for folder in models)
    return Run(device=device, dtype=dtype, memory=memory, models=store)


_warm: list[bool] = []


def _warm_up(call: Callable[[], Any]) -> dict[str, float]:
    if _warm:
        return {}
    start = time.perf_counter()
    call()
    _warm.append(True)
    return {"warmup_seconds": time.perf_counter() - start}


def pixels_digest(pixels: Any) -> str:
    """Return the SHA-256 of the shape and the 8-bit samples of float32 [3, H, W] in [0, 1]."""
    from gcodec.pictures import to_bytes

    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(to_bytes(pixels).tobytes())
    return digest.hexdigest()


def _resources() -> dict[str, Any]:
    """Return this process's threads and the most memory that it ever had resident, in bytes."""
    return {"threads": int(os.environ.get("OMP_NUM_THREADS", 0)), "peak_bytes": _peak_bytes()}


def _peak_bytes() -> int:
    try:
        # getrusage would count what the starting process had when it forked.
        found = re.search(
            r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE
        )
        if found:
            return int(found[1]) * 1024
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
