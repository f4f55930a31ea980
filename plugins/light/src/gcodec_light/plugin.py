"""Specs of gcodec-light. Imports neither onnxruntime nor NumPy."""

from __future__ import annotations

from gcodec.plugin import EngineSpec, hookimpl

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_engines() -> list[EngineSpec]:
    """onnxruntime."""
    return [
        EngineSpec(
            name="onnxruntime",
            summary="runs the graphs beside models on the CPU, without torch",
            implementation="gcodec_light.engine:open_graph",
        )
    ]
