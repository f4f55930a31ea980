"""Gives the same damaged payloads to the decoders in Python and in JavaScript, and lists where their symbols differ.

    python tests/fuzz/js_payloads.py --count 2000 --seed 1 --embeddings ntc,perco

Files are the vectors of spec/vectors/embeddings; bits of their layers are flipped, bytes changed, added, left out. The
container around them is sound. Status 1 if any differs; damage that the codec of jpeg, webp, avif or jxl has to find is
counted apart, since the reader in JavaScript leaves the coded picture to the viewer.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import gcodec_formats as gcx
from gcodec.errors import GcodecError
from gcodec.pipeline.stage1 import open_stage1

ROOT = Path(__file__).parents[2]
NODE = ROOT / "formats/js/fuzz/payloads.js"
FOLDER = ROOT / "spec/vectors/embeddings"
CODECS = ("jpeg", "webp", "avif", "jxl")
#: Their symbols are the layers, whatever is in them; what is wrong is found when signals are made.
BY_SIGNALS = (*CODECS, "text_sketch", "diffc", "ddcm", "perco")
LONGEST = 4000


def seeds(names: Iterable[str]) -> dict[str, list[gcx.File]]:
    """The good vectors of each embedding, if they are not too long."""
    found: dict[str, list[gcx.File]] = {}
    for name in names:
        for path in sorted((FOLDER / name).glob("*.gcx")):
            if not path.name.startswith("bad-") and path.stat().st_size <= LONGEST:
                found.setdefault(name, []).append(gcx.read(path.read_bytes()))
    return found


def damaged(rng: random.Random, file: gcx.File) -> bytes:
    """The file with up to two changes in one layer, and without a digest."""
    layers = [bytearray(body) for body in file.bodies(gcx.MAIN)]
    layer = rng.choice(layers)
    for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 2))):
        reach = len(layer) if rng.random() < 0.6 else min(len(layer), 6)
        at = rng.randrange(reach) if reach else 0
        kind = rng.randrange(6)
        if kind == 0 and layer:
            layer[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and layer:
            layer[at] = rng.randrange(256)
        elif kind == 2:
            del layer[at : at + rng.randrange(1, 5)]
        elif kind == 3:
            layer[at:at] = rng.randbytes(rng.randrange(1, 5))
        elif kind == 4:
            del layer[at:]
        else:
            layer[at:] = rng.randbytes(len(layer) - at)
    extensions = {k: v for k, v in file.header.extensions.items() if k != 5}
    header = gcx.Header(file.header.identity, file.header.size, extensions)
    segments = [gcx.Segment(gcx.MAIN, bytes(body)) for body in layers]
    return gcx.write(gcx.File(header, segments, file.progressive))


def answer(data: bytes) -> str:
    """What the decoder in Python says, as payloads.js says it."""
    try:
        stage1 = open_stage1(data)
        if stage1.main.spec.name in BY_SIGNALS:
            tuple(stage1.signals())
        part = stage1.main
        symbols = part.embedding.symbols(part.layers, stage1.file.header.size)
    except GcodecError:
        return "refused"
    return hashlib.sha256(symbols).hexdigest()[:16]


def compare(
    count: int, seed: int, names: Iterable[str]
) -> tuple[Counter[str], list[tuple[str, bytes, str, str]]]:
    """How often each embedding was read, refused, or left to a codec; and name, file, two answers where these differ."""
    rng, found = random.Random(seed), seeds(names)
    said: Counter[str] = Counter()
    differ = []
    with subprocess.Popen(
        ["node", str(NODE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as node:
        assert node.stdin and node.stdout
        for i in range(count):
            name = list(found)[i % len(found)]
            data = damaged(rng, rng.choice(found[name]))
            node.stdin.write(struct.pack("<I", len(data)) + data)
            node.stdin.flush()
            ours = answer(data)
            theirs = node.stdout.readline().decode().strip()
            if ours == theirs:
                said[f"{name} {ours if ours == 'refused' else 'read'}"] += 1
            elif name in CODECS and ours == "refused":
                said[f"{name} left to its codec"] += 1
            else:
                differ.append((name, data, ours, theirs))
        node.stdin.close()
    return said, differ


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000, help="files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--embeddings", help="names, separated by commas; all if not given")
    parser.add_argument("--keep", type=Path, help="a folder for the files where symbols differ")
    arguments = parser.parse_args()
    every = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
    names = arguments.embeddings.split(",") if arguments.embeddings else every
    said, differ = compare(arguments.count, arguments.seed, names)
    for what, times in sorted(said.items()):
        print(f"{times:8}  {what}")
    print(f"{len(differ)} of {arguments.count} differ")
    for i, (name, data, ours, theirs) in enumerate(differ):
        print(f"  {i}: {name}, {len(data)} bytes: Python {ours}, JavaScript {theirs}")
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            (arguments.keep / f"{i}.gcx").write_bytes(data)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
