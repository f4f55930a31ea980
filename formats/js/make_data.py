"""Writes src/data/*.js: what the texts have in files, as modules, since a page reads no files.

Each module exports one Zstandard frame in base64. `python formats/js/make_data.py` writes all; --check compares.
"""

import argparse
import base64
import sys
import zlib
from pathlib import Path

import zstandard

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "spec/data"


def frame(data: bytes) -> str:
    return base64.b64encode(zstandard.ZstdCompressor(level=19).compress(data)).decode()


def modules() -> dict[str, bytes]:
    """Contents by name of module."""
    return {
        "normals": zlib.decompress((DATA / "normals.zlib").read_bytes()),
        "captions": (DATA / "captions.txt").read_bytes(),
        "sketch": (DATA / "text_sketch_counts.txt").read_bytes(),
        "jpeg": (DATA / "jpeg.json").read_bytes(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; status 1 where a module is not up to date",
    )
    check = parser.parse_args().check
    stale = []
    for name, data in modules().items():
        path = HERE / f"src/data/{name}.js"
        text = f'// made by make_data.py\nexport default "{frame(data)}";\n'
        if check and (not path.exists() or path.read_text() != text):
            stale.append(name)
        elif not check:
            path.write_text(text)
    if stale:
        print(f"not up to date: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
