"""`mix`: encode to a real file, decode it in a fresh process from that file alone, and measure both.

Other weights are for those that take them (`takers`): `--recon ode,preview --recon-model X` gives X to `ode`.

The decoding process is given a copy of the file and the receiver's options, in a room of its own
(`gcodec.pipeline.receiver`). It is this command line's own ``gcodec decode``, so what is measured is what a receiver gets.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcodec.errors import ModelError, UsageError, WorkerError
from gcodec.files import atomic_write
from gcodec.pipeline._container import has_weights
from gcodec.pipeline.receiver import room
from gcodec.registering import check_installed
from gcodec.registry import registry

if TYPE_CHECKING:
    from gcodec.models import Model, ModelStore
    from gcodec.pictures import Picture
    from gcodec.plugin import EmbeddingSpec, MetricSpec, ReconstructorSpec
    from gcodec.signals import FloatArray

__all__ = ["Result", "decode_in_fresh_process", "measure", "measured", "takers"]


@dataclass(frozen=True)
class Result:
    """What the fresh process reported, and its wall time from start to exit in seconds."""

    report: dict[str, Any]
    seconds: float


def decode_in_fresh_process(
    file: Path, output: Path, reconstructor: str, arguments: Sequence[str] = ()
) -> Result:
    """Run ``gcodec decode`` on `file` in a new interpreter, write `output` and return the JSON report.

    arguments: further command-line words, e.g. ["--steps", "4"]; folders by absolute paths. Neither where the file lies nor
    what it is called says anything to the receiver. Raises WorkerError with what the process said, OutputError, and
    UsageError for a reconstructor that is registered in this process alone.
    """
    check_installed([registry().reconstructor(reconstructor)])
    with room() as alone:
        shutil.copyfile(file, alone.folder / "received.gcx")
        made = alone.folder / f"picture{output.suffix}"
        command = [sys.executable, "-m", "gcodec", "decode", "received.gcx", "-o", made.name]
        command += ["--recon", reconstructor, "--json", *arguments]
        start = time.perf_counter()
        done = subprocess.run(
            command,
            cwd=alone.folder,
            env=alone.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
        if done.returncode:
            raise WorkerError(done.returncode, done.stderr)
        with made.open("rb") as picture, atomic_write(output, force=True) as stream:
            shutil.copyfileobj(picture, stream)
    return Result({**json.loads(done.stdout), "file": str(output)}, seconds)


def measure(
    original: Picture, reconstruction: Path | bytes, metrics: Sequence[str]
) -> dict[str, float | None]:
    """Return each of the `metrics`, by name, between two pictures; `reconstruction` is a file's path, or its bytes.

    `None` stands for a metric that this installation or this size cannot give; no other number takes its place.
    Raises UnknownPlugin, UnusablePlugin and PluginError.
    """
    from gcodec.errors import MetricUnavailable
    from gcodec.pictures import load_image
    from gcodec.plugin import MetricSpec

    decoded = load_image(reconstruction).pixels
    found: dict[str, float | None] = {}
    for name in metrics:
        try:
            found[name] = measured(registry().named(MetricSpec, name), original.pixels, decoded)
        except MetricUnavailable:
            found[name] = None
    return found


def measured(spec: MetricSpec, original: FloatArray, decoded: FloatArray) -> float:
    """Return a metric between two pictures, float32 [3, H, W] in [0, 1]. Raises MetricUnavailable and PluginError."""
    from gcodec.border import check_number, of_plugin
    from gcodec.registry import load_object

    with of_plugin(spec):
        metric = load_object(spec.name, spec.implementation)
        return check_number(metric(original.copy(), decoded.copy()))


def takers(
    option: str,
    model: str,
    store: ModelStore,
    specs: Mapping[str, EmbeddingSpec | ReconstructorSpec],
    opens: Callable[[str], object],
) -> frozenset[str]:
    """Return which of several take other weights: those whose own are of that kind, and who else can be set up with them.

    option  of the command line, for errors: "--recon-model".
    specs   by what the user calls them; those without weights take none.
    opens   sets one of them up with `model`.

    Of those that keep their own weights it is warned. Raises UsageError where nobody takes `model`; what `opens` does, where
    that is one alone.
    """
    weighed = {name: spec.model for name, spec in specs.items() if has_weights(spec)}
    if not weighed:
        raise UsageError(f"{option} {model}: there are no weights to choose for {', '.join(specs)}")
    refused: dict[str, ModelError] = {}
    for name, own in weighed.items():
        if own is None or not _alike(model, own, store):
            try:
                opens(name)
            except ModelError as error:
                refused[name] = error
    if len(refused) == len(specs) == 1:
        raise refused.popitem()[1]
    if len(refused) == len(weighed):
        why = "; ".join(f"{name}: {error}" for name, error in refused.items())
        raise UsageError(f"{option} is for none of those named: {why}")
    for name, reason in refused.items():
        warnings.warn(f"{name} keeps its own weights: {reason}", stacklevel=2)
    return frozenset(weighed.keys() - refused.keys())


def _alike(model: str, other: str, store: ModelStore) -> bool:
    """Whether networks of both are of one kind, or one class: so much can be said without opening any."""
    with suppress(ModelError):
        one, two = (_kind(store.find(name)) for name in (model, other))
        return one is not None and one == two
    return False


def _kind(model: Model) -> str | None:
    network = registry().networks.get(model.class_name or "")
    return network.kind if network and network.kind != "other" else model.class_name
