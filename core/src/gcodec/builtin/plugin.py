"""Specs of the built-in plugin."""

from __future__ import annotations

from gcodec.plugin import AdapterSpec, MetricSpec, ReconstructorSpec, SignalSpec, hookimpl
from gcodec.signals import KINDS

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_reconstructors() -> list[ReconstructorSpec]:
    """`preview`: the MMSE signal as it is."""
    return [
        ReconstructorSpec(
            name="preview",
            summary="the MMSE reconstruction as it is, E[X|Y]; no generation",
            implementation="gcodec.builtin.preview:PreviewReconstructor",
            needs=(("preview",),),
        )
    ]


@hookimpl
def gcodec_adapters() -> list[AdapterSpec]:
    """Adapters that need no weights."""
    return [
        AdapterSpec(
            name="edges",
            source="preview",
            target="sketch",
            implementation="gcodec.builtin.edges:preview_to_sketch",
            cost=20,
            summary="edge strength of the preview (Scharr gradients of luma)",
        )
    ]


@hookimpl
def gcodec_signals() -> list[SignalSpec]:
    """The kinds of the core."""
    return list(KINDS.values())


@hookimpl
def gcodec_metrics() -> list[MetricSpec]:
    """The metric that is arithmetic alone."""
    return [
        MetricSpec(
            name="psnr",
            title="PSNR",
            summary="peak signal-to-noise ratio on 8-bit samples",
            implementation="gcodec.pictures:psnr",
            rises=True,
            decimals=2,
            unit="dB",
        )
    ]
