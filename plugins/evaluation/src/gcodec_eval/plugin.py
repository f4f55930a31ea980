"""Specs of gcodec-eval: a command and metrics. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import CommandSpec, MetricSpec, hookimpl

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_commands() -> list[CommandSpec]:
    """`eval`."""
    return [
        CommandSpec(
            "eval",
            "Measure rate and distortion over a folder of pictures.",
            "gcodec_eval._command:command",
        )
    ]


@hookimpl
def gcodec_metrics() -> list[MetricSpec]:
    """Metrics of one picture; those of sets of pictures, fid and kid, are for `eval` alone."""
    at = "gcodec_eval.metrics"
    return [
        MetricSpec(
            "ms_ssim", "MS-SSIM", "multi-scale structural similarity", f"{at}:ms_ssim", rises=True
        ),
        MetricSpec("lpips", "LPIPS", "learned perceptual distance", f"{at}:lpips", rises=False),
        MetricSpec(
            "dists",
            "DISTS",
            "deep image structure and texture similarity",
            f"{at}:dists",
            rises=False,
        ),
    ]
