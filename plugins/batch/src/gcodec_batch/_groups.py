"""Which inputs of a shard go through networks together.

The shard's inputs alone decide, not what of it is done already: a run that goes on forms the same groups, and so makes the
same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress

from gcodec_batch._plan import Work
from gcodec_batch._sources import Item, read_item

__all__ = ["groups"]

#: Shapes are looked for among so many groups' worth of inputs.
_AHEAD = 4
#: Most pixels of a group: its pictures are in memory at once, some arrays of float32 [3, H, W] each.
_PIXELS = 1 << 23
#: Most bytes of files that are kept between the look at their headers and their turn.
_BYTES = 1 << 26


def groups(
    work: Work,
    items: Sequence[Item],
    done: Container[int],
    apart: frozenset[int],
    tell: Callable[[int, int], None],
) -> Iterator[dict[int, bytes | None]]:
    """Yield groups of which something is still to be done: index -> its bytes, None where they are to be read again.

    Of `_AHEAD` times `Work.together` files one after another, those of one shape are a group, up to `_PIXELS`; what is no
    file is one by itself, and so is each of those files where one of them is to be done `apart`.

    tell  called before files are read: the first that is not done, and how many they are.
    """
    window = _AHEAD * work.together
    for first in range(0, len(items), window):
        indices = range(first, min(first + window, len(items)))
        missing = [index for index in indices if index not in done]
        if work.together == 1 or not apart.isdisjoint(indices):
            for index in missing:
                yield {index: None}
        elif missing:
            tell(missing[0], len(indices))
            for group in _window(work.together, items, indices):
                if any(index not in done for index in group):
                    yield group


def _window(
    together: int, items: Sequence[Item], indices: Sequence[int]
) -> list[dict[int, bytes | None]]:
    """The groups among some inputs, in the order of their first."""
    import gcodec_formats as gcx

    made: list[dict[int, bytes | None]] = []
    open_: dict[tuple[int, int], dict[int, bytes | None]] = {}
    kept = 0
    for index in indices:
        size = None
        data: bytes | None = None
        with suppress(Exception):  # it is said when its turn comes
            data = read_item(items[index])
            size = gcx.read(data).header.size
        if data is not None:
            kept += len(data)
            data = data if kept <= _BYTES else None
        group = open_.get(size) if size else None
        if group is None:
            made.append(group := {})
        group[index] = data
        if size:
            most = min(together, _PIXELS // (size.width * size.height))
            if len(group) < most:
                open_[size] = group
            else:
                open_.pop(size, None)
    return made
