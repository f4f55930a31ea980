"""Specs of gcodec-flow. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import Option, ReconstructorSpec, hookimpl


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
                Option(
                    "realism",
                    float,
                    1.0,
                    "0 gives the preview (least error), 1 a sample of P(X|Y)",
                    minimum=0.0,
                    maximum=1.0,
                ),
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
