"""Data sets: every picture of a folder, of tars or of parquet files, one row for each, in processes that may die.

    plan      what is done and which inputs make which shard, fixed when a run begins        `_plan`, `_sources`
    shard     the unit of work: a journal while it is made, files with a sign at the end      `_shard`, `_journal`, `_output`
    crew      processes of this machine that make shards, and are replaced when they die      `_crew`, `_worker`

An engine needs no more than the plan's folder and a number: `make(folder, number)` may run on any machine that sees
both source and destination.
"""

from __future__ import annotations

from gcodec_batch._plan import Plan, read_plan
from gcodec_batch._shard import Made, make

__all__ = ["Made", "Plan", "make", "read_plan"]
