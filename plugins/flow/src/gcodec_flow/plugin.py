"""Specs of gcodec-flow. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import REALISM, Option, ReconstructorSpec, hookimpl


@hookimpl
def gcodec_reconstructors() -> list[ReconstructorSpec]:
    """`flow`: conditional flow matching from noise to the image, given the preview."""
    return [
        ReconstructorSpec(
            name="flow",
            summary="adds the detail that the preview lost: flow matching, noise to X given X*",
            implementation="gcodec_flow.reconstructor:Flow",
            needs=(("preview",),),
            model="base/flow",
            options=(
                Option("steps", int, 4, "Euler steps; time grows with them", minimum=1, maximum=64),
                REALISM,
                Option(
                    "tile",
                    int,
                    1024,
                    "largest side of a tile, in pixels; memory grows with its square",
                    choices=(256, 512, 1024, 2048),
                ),
            ),
        )
    ]
