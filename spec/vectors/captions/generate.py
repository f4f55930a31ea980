"""Writes the test vectors of spec/CAPTIONS.md that do not exist yet; an existing vector is never written again.

    python spec/vectors/captions/generate.py

A vector is NAME.json: a text and its bytes in hexadecimal.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gcodec.entropy.captions import LONGEST, pack

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import write_once  # noqa: E402

TEXTS = {
    "empty": "",
    "letter": "A",
    "english": "A close-up of two parrots, one of them red, in front of a green forest.",
    "plain": "a dog running along the beach",
    "german": "Ein kleiner Junge mit roter Mütze füttert die Gänse.",
    "japanese": "日本の古いお寺の前に立っている女性",
    "emoji": "🙂🙃 \N{ZERO WIDTH JOINER}",
    "combining": "e\N{COMBINING ACUTE ACCENT} is not é",
    "control": "\x00\t\r\n\x7f",
    "digits": "31415926535897932384626433832795028841971",
    "repeated": "the cat on the mat with the hat; " * 12,
    "few": "a red paroup a plagrkwn, with lights smil and plates.",  # 6 bytes; its interval is 256^-12 wide
    "longest": "ab" * (LONGEST // 2),
}


def vector(text: str) -> str:
    """Return the contents of a vector."""
    return json.dumps({"text": text, "bytes": pack(text).hex()}, indent=1) + "\n"


def write(folder: Path = HERE) -> list[str]:
    """Write what is missing in `folder`; returns the names written."""
    return write_once.write(folder, TEXTS.items(), vector)


if __name__ == "__main__":
    print(*write(), sep="\n")
