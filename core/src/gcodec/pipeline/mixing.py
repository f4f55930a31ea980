"""`mix`: encode to a real file, decode it in a fresh process from that file alone, and measure both.

The decoding process is given a copy of the file and the receiver's options, in a room of its own
(`gcodec.pipeline.receiver`). It is this command line's own ``gcodec decode``, so what is measured is what a receiver gets.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcodec.errors import WorkerError
from gcodec.files import atomic_write
from gcodec.pipeline.receiver import room
from gcodec.registering import check_installed
from gcodec.registry import registry

if TYPE_CHECKING:
    from gcodec.pictures import Picture
    from gcodec.plugin import MetricSpec
    from gcodec.signals import FloatArray

__all__ = ["Result", "decode_in_fresh_process", "measure", "measured"]


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
