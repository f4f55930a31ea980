"""What gcodec weighs and takes with torch and without: python measure.py [PHOTO] [--keep FOLDER]

Makes two virtual environments from this checkout, one with torch and one with gcodec-light and no torch, and prints what is
in them, how large they are, and, side by side and in turns, the least processor time, wall time and peak memory of
`gcodec decode`, each a process of its own on one thread; then whether both decode the same symbols and how far their
pictures differ. FOLDER keeps the environments for another run. PIP_INDEX_URL and the like reach pip; versions are those
of constraints.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("base", "classic", "diffusers", "flow", "ldm", "ntc")
ENVIRONMENTS = {
    "torch": [f"{ROOT}/plugins/{n}{'' if n in ('base', 'classic') else '[torch]'}" for n in NAMES],
    "light": [*(f"{ROOT}/plugins/{n}" for n in NAMES), f"{ROOT}/plugins/light"],
}
COMMANDS = {
    "preview": ["--recon", "preview"],
    "bridge, 1 step": ["--recon", "bridge", "--steps", "1"],
    "flow, 4 steps": ["--recon", "flow", "--steps", "4"],
}


class Cost(NamedTuple):
    """Of one process: seconds, seconds, MB."""

    processor: float
    wall: float
    memory: float


def made(folder: Path, wanted: Sequence[str]) -> Path:
    """The interpreter of a virtual environment with these packages, made unless it is there."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt"]
        subprocess.run([*pip, f"{ROOT}/formats", f"{ROOT}/core", *wanted], check=True)
    return python


def told(python: Path, *words: object) -> str:
    done = subprocess.run([python, *map(str, words)], check=True, capture_output=True, text=True)
    return done.stdout


def cost(words: Sequence[object]) -> Cost:
    """Of running a command."""
    begun = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    process = subprocess.Popen(list(map(str, words)), env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {words}")
    wall = time.perf_counter() - begun
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def least(costs: Sequence[Cost]) -> Cost:
    return Cost(*map(min, zip(*costs, strict=True)))


def size(folder: Path) -> float:
    """MB of the packages in an environment, without the installer's own."""
    (site,) = folder.glob("lib/python*/site-packages")
    tops = [top for top in site.iterdir() if not top.name.startswith(("pip", "setuptools", "pkg_"))]
    files = (path for top in tops for path in (top, *top.rglob("*")) if path.is_file())
    return sum(path.stat().st_size for path in files) / 1e6


DIFFERENCE = """
import json, sys
import numpy as np
from PIL import Image
a, b = (np.asarray(Image.open(path)).astype(int) for path in sys.argv[1:])
print(json.dumps([int(abs(a - b).max()), int((a != b).sum()), a.size]))
"""


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photo", nargs="?", default=ROOT / "tests/images/kodim23.png")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        kept = given.keep.absolute() if given.keep else work
        pythons = {name: made(kept / name, wanted) for name, wanted in ENVIRONMENTS.items()}
        sizes = {name: size(kept / name) for name in pythons}
        for name, python in pythons.items():
            packages = json.loads(told(python, "-m", "pip", "list", "--format", "json"))
            listed = ", ".join(f"{p['name']} {p['version']}" for p in packages)
            print(f"{name}: {sizes[name]:.0f} MB, {len(packages)} packages: {listed}\n")
        print(f"installed: {sizes['light'] / sizes['torch']:.3f} of the size\n")
        file = work / "a.gcx"
        words = ["encode", given.photo, "--embed", "ntc", "--bpp", "0.3", "-o", file]
        told(pythons["torch"], "-m", "gcodec", *words)
        symbols = {
            n: json.loads(told(p, "-m", "gcodec", "verify", file, "--json"))
            for n, p in pythons.items()
        }
        print(f"symbols: {'equal' if symbols['torch'] == symbols['light'] else 'DIFFERENT'}\n")
        print(f"{'':16}{'processor s':>24}{'wall s':>24}{'memory MB':>24}")
        for label, options in COMMANDS.items():
            costs: dict[str, list[Cost]] = {name: [] for name in pythons}
            for _ in range(given.runs):
                for name, python in pythons.items():
                    out = work / f"{name}.png"
                    command = [
                        python,
                        "-m",
                        "gcodec",
                        "decode",
                        file,
                        *options,
                        "-o",
                        out,
                        "--force",
                    ]
                    costs[name].append(cost(command))
            best = {name: least(found) for name, found in costs.items()}
            cells = (
                f"{a:.2f} / {b:.2f} = {a / b:.2f}"
                for a, b in zip(best["light"], best["torch"], strict=True)
            )
            print(f"{label:16}" + "".join(f"{cell:>24}" for cell in cells))
            pictures = (work / f"{name}.png" for name in pythons)
            most, count, total = json.loads(told(pythons["light"], "-c", DIFFERENCE, *pictures))
            print(f"{'':16}{count} of {total} samples differ, by {most} at most")


if __name__ == "__main__":
    main()
