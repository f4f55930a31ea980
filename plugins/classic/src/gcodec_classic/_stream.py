"""What every codec of this plugin hands to the embedding, and the bit strings that their headers are made of."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FORM", "WHOLE", "Bits", "Stream"]

#: The low two bits of the flags: 0 is the codec's own file, unchanged; others are the codec's stripped forms.
FORM = 0b11
WHOLE = 0


class Stream(NamedTuple):
    """One coded image.

    file   as the codec's own tools read it.
    flags  form in the low two bits; the codec's own meaning in the others.
    body   what a GCX payload holds after flags and squared error.
    """

    file: bytes
    flags: int
    body: bytes


class Bits:
    """A cursor over big-endian bits. Raises ValueError past the end."""

    def __init__(self, data: bytes) -> None:
        self._text = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def take(self, count: int) -> int:
        """Return the next `count` bits as an unsigned integer."""
        found = self._text[self._at : self._at + count]
        if len(found) < count:
            raise ValueError("the header ends early")
        self._at += count
        return int(found, 2) if count else 0
