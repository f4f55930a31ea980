"""Specs of gcodec-posterior. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import ReconstructorSpec, hookimpl


@hookimpl
def gcodec_reconstructors() -> list[ReconstructorSpec]:
    """Samplers from a noisy x_t, and from any signal."""
    return []
