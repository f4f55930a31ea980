"""Specs of gcodec-light. Imports neither onnxruntime nor NumPy."""

from __future__ import annotations

from importlib.util import find_spec

from gcodec.plugin import EngineSpec, hookimpl

GCODEC_INTERFACE = 1


def missing() -> str:
    """Say what to install where onnxruntime is not: torch is then what is left."""
    return "" if find_spec("onnxruntime") else "it needs onnxruntime: pip install onnxruntime"


@hookimpl
def gcodec_engines() -> list[EngineSpec]:
    """onnxruntime."""
    return [
        EngineSpec(
            name="onnxruntime",
            summary="runs the graphs beside models on the CPU, without torch",
            implementation="gcodec_light.engine:open_graph",
            available="gcodec_light.plugin:missing",
        )
    ]
