"""Hold an installation against the conformance set: ``python spec/conformance/check.py [--json] [--device cuda]``.

Prints for each file whether its symbols are those of the table, exactly, and for each picture how far its 8-bit samples are
from those kept, and SHA-256 of the floats, which may differ from machine to machine. What is not installed is said, and
fails nothing. Status 1 where symbols differ or a picture is off by more than its tolerance.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
#: Hexadecimal digits of a hash that are shown.
SHOWN = 12


class Row(NamedTuple):
    """What was found: `result` "exact", "within", "WRONG" or "absent"; `off` in steps of 8 bits; hashes or a reason."""

    what: str
    result: str
    off: int = 0
    found: str = ""


def checked(embedding: str, facts: dict[str, Any], device: str = "cpu") -> Iterator[Row]:
    """Yield a row for the symbols of a file, and one for each picture of it."""
    import numpy as np
    from PIL import Image

    import gcodec
    from gcodec.errors import GcodecError, ModelMissing, NoPath, UnknownPlugin, UnusablePlugin

    path, run = HERE / f"{embedding}.gcx", gcodec.Run(device=device)
    absent = (UnknownPlugin, UnusablePlugin, ModelMissing, NoPath)
    try:
        symbols = gcodec.verify(path, run=run)["symbols"]
        same = "exact" if symbols == facts["symbols"] else "WRONG"
        yield Row(f"{embedding} symbols", same, found=symbols[:SHOWN])
    except absent as error:
        yield Row(f"{embedding} symbols", "absent", found=str(error))
        return
    except GcodecError as error:
        yield Row(f"{embedding} symbols", "WRONG", found=str(error))
    for reconstructor, picture in facts["pictures"].items():
        what = f"{embedding} -> {reconstructor}"
        try:
            options = picture["options"]
            made = gcodec.decode(path, reconstructor, options=options, run=run).picture
        except absent as error:
            yield Row(what, "absent", found=str(error))
            continue
        except GcodecError as error:
            yield Row(what, "WRONG", found=str(error))
            continue
        with Image.open(HERE / f"{embedding}.{reconstructor}.png") as kept:
            steps = np.asarray(kept).astype(int) - made.to_array()
        off, bits = int(np.abs(steps).max()), made.pixels.astype("<f4").tobytes()
        result = "WRONG" if off > picture["tolerance"] else "within" if off else "exact"
        yield Row(what, result, off, hashlib.sha256(bits).hexdigest()[:SHOWN])


def check(device: str = "cpu") -> list[Row]:
    """Check everything, with networks on that device."""
    table = json.loads((HERE / "conformance.json").read_text("utf-8"))
    return [row for name, facts in table.items() for row in checked(name, facts, device)]


def main() -> None:
    """Print the rows; exit with status 1 if any is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    rows = check(given.device)
    if given.json:
        print(json.dumps([row._asdict() for row in rows]))
    else:
        for row in rows:
            off = f"off by {row.off}" if row.off else ""
            print(f"{row.what:32}{row.result:8}{off:10}{row.found}")
    sys.exit(any(row.result == "WRONG" for row in rows))


if __name__ == "__main__":
    main()
