"""Writes the test vectors of spec/embeddings/diffc.md that do not exist yet; an existing vector is never written again.

python spec/vectors/embeddings/diffc/generate.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from files import Vector, main  # noqa: E402
from steps import damaged, good  # noqa: E402


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    yield "photo", good("diffc", "photo", 40, 24, 0.5)
    yield "shortest", good("diffc", "waves", 8, 8, 0.0)
    yield "memory", good("diffc", "flat", 30, 50, 0.4, channel="trellis:memory=6")
    yield "antipodal", good("diffc", "photo", 32, 24, 0.4, channel="antipodal")
    yield "folded", good("diffc", "photo", 40, 32, 0.6, channel="folded")
    yield "chunked", good("diffc", "photo", 32, 24, 0.4, channel="chunked")
    yield "bad-empty", damaged("diffc", "no bytes at all", lambda p: (b"",))
    yield "bad-number", damaged("diffc", "channel 3", lambda p: (b"\xa3" + p[1:],))
    yield "bad-name", damaged("diffc", "a channel without a name", lambda p: (b"\x0f" + p[1:],))
    yield "bad-short", damaged("diffc", "3 bytes of the last step", lambda p: (p[:5],))
    yield "bad-error", damaged("diffc", "a head without `error`", lambda p: (p[:1],))
    much = "bytes after the last step that there is"
    yield "bad-more", damaged("diffc", much, lambda p: (p + bytes(4096),))
    cut = "a step of chunked that ends early"
    yield "bad-cut", damaged("diffc", cut, lambda p: (p[:-1],), channel="chunked")
    size = "a step of chunked without its size"
    yield "bad-size", damaged("diffc", size, lambda p: (p[:4],), channel="chunked")
    zero = "a step of chunked that ends in a zero byte"
    yield (
        "bad-bits",
        damaged("diffc", zero, lambda p: (p[:2] + b"\0\0\0\1\0",), channel="chunked"),
    )


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
