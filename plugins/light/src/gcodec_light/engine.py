"""Graphs of `gcodec.models.graphs` in onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from gcodec.models.graphs import Graph
    from gcodec.signals import FloatArray

__all__ = ["open_graph"]

#: onnxruntime's severity "error": its warnings are of its own affairs.
_ERRORS = 3


def open_graph(path: Path) -> Graph:
    """What runs the ONNX file at `path`, on as many threads as OMP_NUM_THREADS says, or as there are cores."""
    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    options.log_severity_level = _ERRORS
    # Threads that wait give their core to others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # What a run has taken is given back after it: the next network of the same decoder is another.
    giving_back = onnxruntime.RunOptions()
    giving_back.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def run(*arrays: FloatArray) -> Sequence[FloatArray]:
        given = map(np.ascontiguousarray, arrays)
        found: Sequence[FloatArray] = session.run(
            None, dict(zip(names, given, strict=True)), giving_back
        )
        return found

    return run
