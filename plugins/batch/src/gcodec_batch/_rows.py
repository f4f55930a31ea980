"""Rows as tables of Arrow, in files of parquet."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from gcodec_batch._verbs import COLUMNS

__all__ = ["open_tables", "table", "tables"]


def table(rows: list[dict[str, Any]]) -> Any:
    """Rows as a table."""
    import pyarrow as pa

    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS.items()])
    return pa.Table.from_pylist(rows, schema)


@contextmanager
def tables(stream: IO[bytes]) -> Iterator[Callable[[Any], None]]:
    """Write tables of rows, one after another. An exception leaves the file without its end, hence unreadable."""
    import pyarrow.parquet as pq

    writer = pq.ParquetWriter(stream, table([]).schema)
    try:
        yield writer.write_table
        writer.close()
    finally:
        # Or it would end the file when it is collected, and say so where it cannot.
        writer.is_open = False


def open_tables() -> None:
    """Take the memory now that writing rows takes at the end of a shard, 50 MB: then it is the same from the beginning."""
    with tables(io.BytesIO()) as write:
        write(table([dict.fromkeys(COLUMNS)]))
