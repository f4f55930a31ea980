"""Write a golden file for an embedding: ``python tests/golden/make.py NAME...``, a further one NAME@WHAT.

A golden file is made once and decoded for ever: it proves that what people stored can still be read. So nothing is ever
overwritten here; a file that no longer decodes as `golden.json` says is a defect of the codec, not of the file. Only with
a profile that is withdrawn (spec/REGISTRY.md) does its file move, to `withdrawn/NAME-PROFILE.gcx`, of a further one
`withdrawn/NAME-WHAT-PROFILE.gcx`, to be refused.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TABLE = HERE / "golden.json"
#: Of files that are of another than 0.5.
QUALITIES = {"ntc@linear": 0.9, "diffc@layers": 0.9}
OPTIONS: dict[str, dict[str, Any]] = {"ddcm@threshold": {"method": "threshold", "codebook": 14}}
MODELS = {"ntc@networks": "base/ntc"}
CROP = (440, 140, 568, 236)  # left, top, right, bottom in tests/images/kodim23.png: 128 x 96


def original() -> Any:
    """Return the picture that all golden files show, float32 [3, 96, 128] in [0, 1]."""
    import numpy as np
    from PIL import Image

    with Image.open(HERE.parent / "images" / "kodim23.png") as whole:
        pixels = np.asarray(whole.crop(CROP), np.float32) / 255
    return pixels.transpose(2, 0, 1)


def table() -> dict[str, dict[str, Any]]:
    """Return what is known of each golden file, by embedding; {} before the first is made."""
    found: dict[str, dict[str, Any]] = (
        json.loads(TABLE.read_text("utf-8")) if TABLE.exists() else {}
    )
    return found


def make(name: str) -> None:
    """Write the file and its row of the table, of an embedding's name and a word for what else there is to show.

    Raises SystemExit where either is there.
    """
    from gcodec.pictures import Picture
    from gcodec.pipeline.decoding import decode, verify
    from gcodec.pipeline.encoding import encode
    from gcodec.pipeline.ratecontrol import Target
    from gcodec_eval import metrics

    rows, path = table(), HERE / f"{name.replace('/', '--').replace('@', '-')}.gcx"
    if name in rows or path.exists():
        raise SystemExit(f"{name}: there is a golden file, and golden files are never replaced")
    pixels = original()
    target = Target(quality=QUALITIES.get(name, 0.5))
    how = OPTIONS.get(name, {})
    model, embedding = MODELS.get(name), name.split("@")[0]
    data = encode(
        Picture(pixels), embedding, target=target, model=model, options=how, digest=True
    ).data
    found = verify(data)
    rows[name] = {
        "file": path.name,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "model": found["model"],
        "symbols": found["symbols"],
        "psnr": round(metrics.psnr(pixels, decode(data, "preview").picture.pixels), 2),
    }
    with path.open("xb") as stream:
        stream.write(data)
    TABLE.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")
    print(f"{path}: {len(data)} bytes")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for wanted in sys.argv[1:]:
        make(wanted)
