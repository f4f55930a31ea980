"""The reconstructors `flow` and `bridge`: HFD's second stage with flow matching, from noise or from the preview to X."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from gcodec.diffusion.sampling import euler, times
from gcodec.diffusion.tiles import Tile, noise, tiles
from gcodec.errors import InvalidArgument, ModelDamaged
from gcodec.interfaces import Reconstructor, Setup, Size
from gcodec.models.graphs import Graph, graphs_of
from gcodec.signals import Preview, Signal

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

#: Sides of what the network sees are multiples of this: patches of 4, two halvings of their grid.
ALIGNMENT = 16
#: Pixels by which tiles overlap; most of the network's reach.
OVERLAP = 64


class Flow(Reconstructor):
    """A sample of P_{X|Y}.

    With X* the preview and s^2 its squared error, the flow gives a residual r, and returned is

        X_0 = X* + s r

    clipped to [0, 1] ("Advances in diffusion-based generative compression", sections II-A, III-B).
    By its eq. (18) the perfect estimator lies at the squared distance s^2 from X*, so a residual
    with a mean square above 1 is scaled back to 1. For a preview that is the MMSE estimate this is
    what keeps the squared error at or below 2 s^2 (eq. 19); for any preview it is below 4 s^2.
    """

    name: ClassVar[str] = "flow"
    architecture: ClassVar[str] = "FlowUNet"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.model is None:
            raise InvalidArgument(f"{self.name} needs a model; `base/{self.name}` is the default")
        found = setup.model.class_name
        if found != self.architecture:
            raise ModelDamaged(
                setup.model.name, f"{self.name} needs a {self.architecture}, not a {found}"
            )
        with setup.model.taken_as(f"the weights of `{self.name}`"):
            self.grid = times(setup.options["steps"], shift=setup.model.config["_time_shift"])
        self.tile: int = setup.options["tile"]
        self.solve: Callable[[FloatArray, Sequence[float], FloatArray], FloatArray]
        if graphs := graphs_of(setup.model, setup.run, "velocity"):
            self.solve = partial(on_graph, graphs[0], self.grid)
        else:
            from gcodec_flow.network import on_torch

            self.solve = on_torch(setup.model, setup.run, self.grid)

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> FloatArray:
        """Return float32 [3, H, W] in [0, 1]; the preview itself if its mse is 0."""
        return self.reconstruct_all([signals], size)[0]

    def reconstruct_all(
        self, several: Sequence[Mapping[str, Signal]], size: Size
    ) -> list[FloatArray]:
        """Return what `reconstruct` does of each; a tile of all of them goes through the network at once."""
        previews = [cast(Preview, signals["preview"]) for signals in several]
        made = [preview.pixels for preview in previews]
        lossy = [n for n, preview in enumerate(previews) if preview.mse > 0]
        if lossy:
            deviations = [math.sqrt(previews[n].mse) for n in lossy]
            residuals = self.residuals([made[n] for n in lossy], deviations)
            for n, s, r in zip(lossy, deviations, residuals, strict=True):
                made[n] = _added(r, s, made[n])
        return made

    def residuals(self, previews: Sequence[FloatArray], s: Sequence[float]) -> FloatArray:
        """The flow's end points r, float32 [B, 3, H, W] in units of s, [B], tile by tile."""
        _, height, width = previews[0].shape
        bottom, right = (-n % ALIGNMENT for n in (height, width))
        result = np.zeros((len(s), 3, height + bottom, width + right), np.float32)
        pieces = list(tiles(height + bottom, width + right, self.tile, OVERLAP))
        for done, tile in enumerate(pieces):
            self.setup.run.progress(self.name, done, len(pieces))
            window = (..., *tile.window)
            shown = np.stack([y[window] for y in previews])
            below, beside = (a - b for a, b in zip(tile.weight.shape, shown.shape[2:], strict=True))
            shown = np.pad(shown, ((0, 0), (0, 0), (0, below), (0, beside)), mode="edge")
            result[window] += tile.weight * self.solve(shown, s, self.start(tile))
        self.setup.run.progress(self.name, len(pieces), len(pieces))
        return result[..., :height, :width]

    def start(self, tile: Tile) -> FloatArray:
        """The state at t = 1, float32 [3, h, w]."""
        return noise(self.setup.run.randomness, tile.window, 3)


class Bridge(Flow):
    """The estimator X^_0 of perfect realism by the neural ODE from P_Y to P_X: HFD-flow.

    No noise takes part: the end point is a function of the preview (review, section IV-A, after eq. 22), by which the
    dial of `gcodec.pipeline.stage2` runs along the line of eq. (17) as the theory has it.
    """

    name = "bridge"
    architecture = "BridgeUNet"

    def start(self, tile: Tile) -> FloatArray:
        """Nothing is added to the preview at t = 1."""
        return np.zeros((3, *tile.weight.shape), np.float32)


def _added(r: FloatArray, s: float, preview: FloatArray) -> FloatArray:
    """X* + s r, clipped, with r scaled back to a mean square of 1; r is written over."""
    # Row by row, for precision and because a second array of this size may be a gigabyte.
    energy = math.fsum(float(np.vdot(row, row)) for plane in r for row in plane) / r.size
    r *= np.float32(s / max(1.0, math.sqrt(energy)))
    r += preview
    return np.clip(r, 0, 1, out=r)


def on_graph(
    graph: Graph, grid: Sequence[float], y: FloatArray, s: Sequence[float], eps: FloatArray
) -> FloatArray:
    """One tile of several pictures through the ODE, one by one, for that is what the graph takes.

    y and the answer are float32 [B, 3, h, w], s is [B], eps [3, h, w].
    """

    def solved(shown: FloatArray, log_s: FloatArray) -> FloatArray:
        def velocity(x: FloatArray, t: float) -> FloatArray:
            return graph(x, shown, np.array([t], np.float32), log_s)[0]

        return euler(velocity, eps[None], grid)

    pairs = zip(y, s, strict=True)
    return np.concatenate(
        [solved(one[None], np.array([math.log(d)], np.float32)) for one, d in pairs]
    )
