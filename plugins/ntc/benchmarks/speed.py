"""Processor time of `ntc`, by part, next to Pillow's WebP, and next to another checkout of this project.

    python speed.py [IMAGES ...]                       # parts, and what whole files cost; WebP in the same run
    python speed.py [IMAGES ...] --against CHECKOUT     # calls of a session and whole processes, both in turns

Milliseconds, the least of several runs: the machine may be busy. Without images: the test picture of the repository. With
--against the middle 512x512 of images is taken. Threads as the environment says (OMP_NUM_THREADS, OPENBLAS_NUM_THREADS).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import gcodec

ROOT = Path(__file__).parents[3]
DEFAULT = ROOT / "tests/images/kodim23.png"
ROUNDS = 2
TARGETS = {
    "quality 0.4": gcodec.Target(quality=0.4),
    "0.15 bpp": gcodec.Target(bpp=0.15),
    "0.3 bpp": gcodec.Target(bpp=0.3),
    "0.6 bpp": gcodec.Target(bpp=0.6),
}


def best(work: Callable[[], object], count: int = 5) -> float:
    """Milliseconds of a processor that the fastest of `count` runs took."""
    times = []
    for _ in range(count):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def parts(path: Path) -> None:
    """Print what each part of the codec takes on a picture, and what files of some sizes do."""
    from gcodec.interfaces import Setup
    from gcodec.models import ModelStore
    from gcodec.run import Run
    from gcodec_ntc.embedding import Ntc

    with Image.open(path) as image:
        picture = image.convert("RGB")
    samples = np.asarray(picture, np.float32).transpose(2, 0, 1) / 255
    height, width = samples.shape[1:]
    run = Run(models=ModelStore.installed(()))
    codec = Ntc(Setup(run, {}, run.models.find("base/ntc")))._codec
    level = 128
    analysed = codec.analyse(samples)
    payload = codec.head(level, 0) + codec.stream(analysed, level)
    y = codec.read(payload, height, width)[-1]

    def webp(quality: int) -> bytes:
        stream = io.BytesIO()
        picture.save(stream, "WEBP", quality=quality, method=4)
        return stream.getvalue()

    quality = min(range(1, 96, 4), key=lambda q: abs(len(webp(q)) - len(payload)))
    file = webp(quality)
    print(f"{path.name}, {width}x{height}, level {level}, {len(payload)} bytes")
    for name, work in (
        ("analysis", lambda: codec.analyse(samples)),
        ("about its size", lambda: codec.about(codec.analyse(samples), level)),
        ("stream", lambda: codec.stream(analysed, level)),
        ("read", lambda: codec.read(payload, height, width)),
        ("synthesis", lambda: codec.synthesise(y, level, height, width)),
        ("WebP encode", lambda: webp(quality)),
        ("WebP decode", lambda: Image.open(io.BytesIO(file)).convert("RGB")),
    ):
        print(f"  {name:16}{best(work):8.1f}")
    given = gcodec.Picture.from_pil(picture)
    with gcodec.Session() as session:
        for name, target in TARGETS.items():
            made = session.encode(given, "ntc", target=target)
            took = best(lambda target=target: session.encode(given, "ntc", target=target), 3)
            print(f"  {name:16}{took:8.1f}  {len(made.data)} bytes")


def calls(paths: list[Path]) -> dict[str, float]:
    """What calls of a session take, by picture and target; the sources are those that are imported."""
    found = {}
    with gcodec.Session() as session:
        for path in paths:
            picture = gcodec.load_image(path)
            for name, target in TARGETS.items():
                data = session.encode(picture, "ntc", target=target).data
                found[f"{path.stem}, encode, {name}"] = best(
                    lambda p=picture, t=target: session.encode(p, "ntc", target=t), 3
                )
            found[f"{path.stem}, decode"] = best(lambda d=data: session.decode(d, "preview"))
    return found


def process(words: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """Milliseconds of a processor that a process takes, and what it prints."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1000 * seconds, done.stdout


def compare(paths: list[Path], other: Path) -> None:
    """Print what this checkout and another take, and the ratio."""
    found: dict[str, dict[str, float]] = {"this": {}, "other": {}}
    with tempfile.TemporaryDirectory() as folder:
        crops = [middle(path, Path(folder)) for path in paths]
        for _ in range(ROUNDS):
            for name, root in (("this", ROOT), ("other", other)):
                sources = [str(p) for p in (root / "formats/src", root / "core/src")]
                sources += map(str, root.glob("plugins/*/src"))
                environment = os.environ | {"PYTHONPATH": os.pathsep.join(sources)}
                words = [sys.executable, __file__, "--calls", *map(str, crops)]
                times = json.loads(process(words, environment)[1])
                command = [sys.executable, "-m", "gcodec", "encode", str(crops[0]), "--force"]
                command += ["-o", f"{folder}/out.gcx", "--embed", "ntc", "--bpp", "0.3"]
                times["process, encode, 0.3 bpp"] = process(command, environment)[0]
                for what, took in times.items():
                    found[name][what] = min(took, found[name].get(what, took))
    print(f"{'ms':34}{'this':>9}{'other':>9}   ratio")
    for what, took in found["this"].items():
        before = found["other"][what]
        print(f"{what:34}{took:9.1f}{before:9.1f}{took / before:8.2f}")


def middle(path: Path, folder: Path) -> Path:
    """A file of the middle 512x512 of a picture."""
    made = folder / f"{path.stem}.png"
    with Image.open(path) as image:
        left, top = (max(side - 512, 0) // 2 for side in image.size)
        image.convert("RGB").crop((left, top, left + 512, top + 512)).save(made)
    return made


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="*", type=Path, default=[DEFAULT])
    parser.add_argument("--against", type=Path)
    parser.add_argument("--calls", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.calls:
        print(json.dumps(calls(given.images)))
    elif given.against:
        compare(given.images, given.against)
    else:
        for path in given.images:
            parts(path)


if __name__ == "__main__":
    main()
