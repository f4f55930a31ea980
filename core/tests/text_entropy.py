"""A reader of spec/ENTROPY.md in plain integers, one symbol at a time. Written from the text: it uses nothing of gcodec."""

from __future__ import annotations


class Refused(Exception):
    """A reader of the text refuses the stream."""


class Stream:
    """Section 2, and what stands on it.

    trace  of each entry read: x, what it was read under, r, p, f[p], F[p], x after.
    """

    def __init__(self, data: bytes) -> None:
        if data.endswith(b"\0"):
            raise Refused("ends in a zero byte")
        data += bytes(-len(data) % 4)
        self.stack = [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]
        self.x = 0
        self.trace: list[tuple[int, str, int, int, int, int, int]] = []
        self._more()
        self._more()

    def _more(self) -> None:
        if self.stack:
            self.x = self.x * 2**32 + self.stack.pop()

    def entry(self, f: list[int], under: str = "") -> int:
        """One entry under the table f."""
        r, start, p = self.x % 2**24, 0, 0
        while not start <= r < start + f[p]:
            start, p = start + f[p], p + 1
        return self._take(p, f[p], start, under)

    def equal(self, n: int) -> int:
        """One entry under the equal table of n entries."""
        each = 2**24 // n
        p = self.x % 2**24 // each
        return self._take(p, each, p * each, f"{n} equal")

    def _take(self, p: int, f: int, start: int, under: str) -> int:
        x, r = self.x, self.x % 2**24
        self.x = (x // 2**24) * f + r - start
        if self.x < 2**32:
            self._more()
        self.trace.append((x, under, r, p, f, start, self.x))
        return p

    def batch(self, tables: list[list[int]], indices: list[int]) -> list[int]:
        """One batch of signed symbols under the tables with these numbers."""
        z = [0] * len(indices)
        for table in sorted(set(indices)):
            for at, index in enumerate(indices):
                if index == table:
                    z[at] = self.entry(tables[table], f"table {table}")
        escaped = [at for at, index in enumerate(indices) if z[at] == len(tables[index]) - 1]
        k = {at: self.equal(32) for at in escaped}
        if any(value > 23 for value in k.values()):
            raise Refused("an escape too long")
        v = {at: 2 ** k[at] for at in escaped}
        for length in range(1, 24):
            for at in escaped:
                if k[at] == length:
                    v[at] += self.equal(2**length)
        for at in escaped:
            z[at] = v[at] + len(tables[indices[at]]) - 2
        return [(number + 1) // 2 if number % 2 else -(number // 2) for number in z]

    def close(self) -> None:
        if self.x or self.stack:
            raise Refused("does not end where the symbols do")
