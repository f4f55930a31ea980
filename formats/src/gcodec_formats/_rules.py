"""Which segments a file may have, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

from . import registry
from .errors import BadSegmentOrder, NotCanonical, UnknownRequiredSegment

_ORDER = (
    registry.ICC,
    registry.EXIF,
    registry.XMP,
    registry.THUMBNAIL,
    registry.COMPANION,
    registry.MAIN,
    registry.ALPHA,
)
_RANK = {type: rank for rank, type in enumerate(_ORDER)}
_REPEATABLE = (registry.COMPANION, registry.MAIN)


def needs_table(types: Sequence[int], progressive: bool) -> bool:
    """Whether a file of these segments has a segment table: all but a lone main segment do."""
    return progressive or tuple(types) != (registry.MAIN,)


def check_types(types: Sequence[int], progressive: bool, table: bool, offset: int | None) -> None:
    """Raises UnknownRequiredSegment, BadSegmentOrder, NotCanonical (a table where there should be none)."""
    last = -1
    for type in types:
        row = registry.segment(type)
        if row is None:
            if type % 2 == 0:
                raise UnknownRequiredSegment(type, offset=offset)
            continue
        rank = _RANK[type]
        if rank < last:
            raise BadSegmentOrder(f"segment {row.name} comes too late", offset=offset)
        if rank == last and type not in _REPEATABLE:
            raise BadSegmentOrder(f"segment {row.name} appears twice", offset=offset)
        last = rank
    if registry.MAIN not in types:
        raise BadSegmentOrder("there is no main segment", offset=offset)
    if table and not needs_table(types, progressive):
        raise NotCanonical("a lone main segment has no segment table", offset=offset)
