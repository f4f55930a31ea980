"""Data sets: every picture of a folder, of tars or of parquet files, one row for each, in processes that may die.

    plan      what is done and which inputs make which shard, fixed when a run begins        `_plan`, `_sources`
    shard     the unit of work: a journal while it is made, files with a sign at the end      `_shard`, `_journal`
    keeper    a process that makes shards one after another, and is replaced when it dies     `_keeper`, `_worker`
    engine    what has shards made: keepers of this machine, or of a cluster                  `_engine`, `_crew`

What stands here is for engines. One needs no more than a plan's folder and numbers of shards: a shard is made by any machine
that sees both source and destination.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gcodec_batch._engine import Engine, EngineError, Make, Means, Tell, output_error
    from gcodec_batch._keeper import DEATHS, Keeper
    from gcodec_batch._messages import parent, read_message, write_message
    from gcodec_batch._plan import Plan, read_plan
    from gcodec_batch._shard import Made, in_flight, made, make
    from gcodec_batch._sources import Item, read_item

__all__ = [
    "DEATHS",
    "Engine",
    "EngineError",
    "Item",
    "Keeper",
    "Made",
    "Make",
    "Means",
    "Plan",
    "Tell",
    "in_flight",
    "make",
    "made",
    "output_error",
    "parent",
    "read_item",
    "read_message",
    "read_plan",
    "write_message",
]

#: Every command of gcodec imports this package to see what it offers: what it is made of waits until it is wanted.
_HOMES = {
    "_engine": ("Engine", "EngineError", "Make", "Means", "Tell", "output_error"),
    "_keeper": ("DEATHS", "Keeper"),
    "_messages": ("parent", "read_message", "write_message"),
    "_plan": ("Plan", "read_plan"),
    "_shard": ("Made", "in_flight", "made", "make"),
    "_sources": ("Item", "read_item"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"gcodec_batch.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'gcodec_batch' has no attribute {name!r}")
