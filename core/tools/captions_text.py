"""Make the text that `gcodec.entropy.captions` is primed with: `core/src/gcodec/entropy/captions.txt`.

    python captions_text.py CAPTIONS.json captions.txt

CAPTIONS.json maps each photograph to an object whose "captions" are written by people: those of 76 photographs of MS
COCO (Lin et al. 2014), which its authors license under CC BY 4.0. Lines of capitals are left out, white space is
squeezed. `captions_written.txt`, beside this, was written for the purpose: nouns, places and turns of phrase that those
photographs lack, and a few lines in other languages. The result is part of the format and never made anew.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

WRITTEN = Path(__file__).with_name("captions_written.txt")


def main() -> None:
    """Write the text, unless it exists."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captions", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    photographs = json.loads(arguments.captions.read_text("utf-8"))
    told = [
        " ".join(line.split())
        for name in sorted(photographs)
        for line in photographs[name]["captions"]
    ]
    lines = [line for line in told if not line.isupper()]
    text = WRITTEN.read_text("utf-8") + "".join(f"{line}\n" for line in lines)
    with arguments.out.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)


if __name__ == "__main__":
    main()
