"""Does a list of jobs in this process, which has nothing but the files named, and prints one JSON list of results.

    python tests/pairs_worker.py '[["encode", PHOTO, EMBEDDING, BPP, FILE], ["decode", FILE, RECONSTRUCTOR, PICTURE]]'

One process for many jobs, because starting one takes longer than most of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gcodec.errors import UnusablePlugin
from gcodec.pictures import load_image
from gcodec.pipeline.decoding import decode, save_decoded, verify
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target


def encoded(photo: str, embedding: str, bpp: float, file: str) -> dict[str, Any]:
    try:
        made = encode(load_image(photo), embedding, target=Target(bpp=bpp))
    except UnusablePlugin as error:  # a wheel or weights that it needs are missing
        return {"missing": str(error)}
    Path(file).write_bytes(made.data)
    return {"bytes": len(made.data)}


def decoded(file: str, reconstructor: str, picture: str) -> dict[str, Any]:
    made = decode(Path(file).read_bytes(), reconstructor)
    save_decoded(made, picture)
    return {"reconstructor": made.reconstructor, "path": made.path.explain()}


def verified(file: str) -> dict[str, Any]:
    return {"symbols": verify(Path(file).read_bytes())["symbols"]}


JOBS = {"encode": encoded, "decode": decoded, "verify": verified}

if __name__ == "__main__":
    json.dump([JOBS[job](*arguments) for job, *arguments in json.loads(sys.argv[1])], sys.stdout)
