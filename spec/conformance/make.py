"""Write what the conformance set lacks: ``python spec/conformance/make.py``. What is there is never written again.

The set is PAIRS: for each embedding one file, for each pair the picture that a reconstructor made of it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
TABLE = HERE / "conformance.json"
PHOTO = HERE.parents[1] / "tests" / "images" / "kodim23.png"
#: Quality of a second file of an embedding, by its name; 0.5 of the first.
VARIANTS = {"ntc-linear": 0.9}
BOX = (440, 140, 529, 207)  # left, top, right, bottom: 89 x 67, multiples of nothing


class Pair(NamedTuple):
    """A file and a way to show it. `tolerance`: how far 8-bit samples may be from the picture kept, in steps."""

    embedding: str
    reconstructor: str
    tolerance: int
    options: dict[str, Any] = {}  # noqa: RUF012 - nobody writes into it


PAIRS = [
    Pair("jpeg", "preview", 2),
    Pair("webp", "preview", 1),
    Pair("avif", "preview", 1),
    Pair("jxl", "preview", 1),
    Pair("ntc", "preview", 1),
    Pair("ntc", "flow", 1, {"steps": 4}),
    Pair("ntc", "bridge", 1, {"steps": 1}),
    Pair("ntc", "latent_flow", 1, {"steps": 2}),
    Pair("ntc", "dps", 2, {"steps": 4}),
    Pair("ntc", "hfd", 1),
    Pair("ntc-linear", "preview", 1),
    Pair("ldm_quant", "preview", 1),
    Pair("ldm_quant", "relic", 1),
    Pair("ldm_quant", "cdc", 1),
    Pair("rate_variable", "rate_variable", 1),
    Pair("perco", "perco", 1),
    Pair("tokens", "preview", 1),
    Pair("tokens", "one_step", 1),
    Pair("diffc", "ode", 1),
    Pair("diffc", "mse", 1),
    Pair("ddcm", "sde", 1),
    Pair("uqdm", "preview", 1),
    Pair("lossless", "preview", 0),
    Pair("text_sketch", "preview", 1),
    Pair("text_sketch", "controlnet", 1),
]


def table() -> dict[str, Any]:
    """What is kept: by embedding the file, its SHA-256, its symbols' and its pictures."""
    found: dict[str, Any] = json.loads(TABLE.read_text("utf-8")) if TABLE.exists() else {}
    return found


def main() -> None:
    """Write what is missing."""
    import numpy as np
    from PIL import Image

    import gcodec

    with Image.open(PHOTO) as whole:
        samples = np.asarray(whole.crop(BOX).convert("RGB"))
    original, rows = gcodec.Picture.from_array(samples), table()
    run = gcodec.Run()  # float32, whatever is faster here
    for pair in PAIRS:
        path = HERE / f"{pair.embedding}.gcx"
        if pair.embedding not in rows:
            target = gcodec.Target(quality=VARIANTS.get(pair.embedding, 0.5))
            name = pair.embedding.partition("-")[0]
            data = gcodec.encode(original, name, target=target, digest=True, run=run).data
            path.write_bytes(data)
            found = gcodec.verify(data)
            facts = {"sha256": hashlib.sha256(data).hexdigest(), "symbols": found["symbols"]}
            rows[pair.embedding] = {**facts, "pictures": {}}
        pictures = rows[pair.embedding]["pictures"]
        if pair.reconstructor not in pictures:
            decoded = gcodec.decode(path, pair.reconstructor, options=pair.options, run=run)
            name = f"{pair.embedding}.{pair.reconstructor}.png"
            Image.fromarray(decoded.picture.to_array()).save(HERE / name, optimize=True)
            row = {"options": pair.options, "tolerance": pair.tolerance}
            pictures[pair.reconstructor] = row
            print(name)
    TABLE.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
