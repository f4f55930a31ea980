"""Make the schedule of a denoiser: Vonderfecht and Liu 2025, Algorithm 3, on photographs.

    python -m gcodec_diffc.diffc.fit FOLDER PHOTO... [--denoiser base/denoiser] [--steps 48]

D(i, j), the mean over photographs of KL(q(x_j | x_i, x_0) || p(x_j | x_i)), is (snr_j - snr_i) mse_i / 2, so one call of the
denoiser for each SNR i gives the whole matrix; mse_i is measured on x_i from the forward process. The path of a given
number of steps that costs least is found by dynamic programming. The paper minimises the bits to the last step; since a
stream may be stopped anywhere, what counts here is what a step wastes beyond I(x_0; x_j) = 1/2 int mse d snr, relative to
all that was sent until then, or that the shortest files of any use send. Each step wastes a byte of its own, too: 4 bits say
where it ends, and a channel loses about 4 at its ends.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from numpy.typing import NDArray

from gcodec.cli.common import progress_bar
from gcodec.interfaces import Size
from gcodec.models.networks import open_denoiser, open_space
from gcodec.pictures import load_image
from gcodec.randomness import Domain, Randomness
from gcodec.run import Run
from gcodec_diffc.diffc._process import level
from gcodec_diffc.diffc._schedule import UNIT, holds
from gcodec_train import write_model

if TYPE_CHECKING:
    from gcodec.models.networks import Denoiser, LatentSpace
    from gcodec.signals import FloatArray

__all__ = ["best_path", "curve", "information"]

Array = NDArray[np.float64]

#: ln snr where mse is measured, and between which a schedule's steps may end.
MEASURED = np.arange(-8.0, 7.01, 0.5)
GRID = np.arange(-7.0, 6.01, 0.05)
#: Nats per dimension: a byte of the latent of 768x512 pixels in `base`, and the least that a waste is relative to.
_OWN = 8 * math.log(2) / 196_608
_SHORTEST = 0.04 * math.log(2)
#: Side of the middle of each photograph that is used.
_CROP = 512


def curve(photos: list[Path], denoiser: Denoiser, space: LatentSpace, run: Run) -> Array:
    """mse of x0-hat per dimension at each of `MEASURED`, mean over photographs."""
    rows = []
    with progress_bar() as progress:
        for number, photo in enumerate(photos):
            progress("photographs", number, len(photos))
            pixels = _middle(load_image(photo).pixels)
            rows.append(_errors(pixels, number, denoiser, space, run))
        progress("photographs", len(photos), len(photos))
    return np.mean(rows, 0)


def _errors(
    pixels: FloatArray, number: int, denoiser: Denoiser, space: LatentSpace, run: Run
) -> list[float]:
    import torch

    x_0 = space.encode(pixels)
    noise = Randomness(0).normal(Domain.ENCODER, number, range(len(MEASURED)), x_0.shape)
    condition = denoiser.condition({}, Size(*pixels.shape[1:]))
    errors = []
    for eps, log_snr in zip(noise, MEASURED, strict=True):
        alpha_t, sigma_t = level(math.exp(log_snr))
        x_t = torch.from_numpy(alpha_t * x_0 + sigma_t * eps).float()[None].to(run.device)
        x0_hat = denoiser.x0(x_t, alpha_t, sigma_t, condition)[0].cpu().numpy()
        errors.append(float(np.square(x0_hat - x_0, dtype=np.float64).mean()))
    return errors


def information(mse: Array) -> tuple[Array, Array]:
    """(mse_i, I_i) at snr = 0 and at each of `GRID`: squared error, and nats per dimension of the continuous process."""
    fine = np.arange(MEASURED[0] - 4, GRID[-1] + 1e-6, 0.01)
    of = np.exp(np.interp(fine, MEASURED, np.log(mse)))
    snr = np.exp(fine)
    parts = np.concatenate([[snr[0] * of[0]], np.diff(snr) * (of[1:] + of[:-1]) / 2])
    nats = np.cumsum(parts) / 2
    at = np.interp(GRID, fine, nats)
    return np.concatenate(
        [[mse[0]], np.exp(np.interp(GRID, MEASURED, np.log(mse)))]
    ), np.concatenate([[0.0], at])


def best_path(mse: Array, nats: Array, count: int) -> list[int]:
    """The `count` + 1 places of the best path from snr = 0 (place 0) to the last of `GRID` (place k + 1 is GRID[k])."""
    snr = np.concatenate([[0.0], np.exp(GRID)])
    spent = (snr[None] - snr[:, None]) * mse[:, None] / 2
    waste = (spent + _OWN - (nats[None] - nats[:, None])) / np.maximum(nats[None], _SHORTEST)
    waste[np.tril_indices(len(snr))] = np.inf
    cost = np.full(len(snr), np.inf)
    cost[0] = 0
    parents = []
    for _ in range(count):
        reached = cost[:, None] + waste
        parents.append(reached.argmin(0))
        cost = reached.min(0)
    path = [len(snr) - 1]
    for parent in reversed(parents):
        path.append(int(parent[path[-1]]))
    return path[::-1]


def _middle(pixels: FloatArray) -> FloatArray:
    top, left = (max(0, (side - _CROP) // 2) for side in pixels.shape[1:])
    return np.ascontiguousarray(pixels[:, top : top + _CROP, left : left + _CROP])


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("photos", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--denoiser", "name", default="base/denoiser", show_default=True)
@click.option("--steps", default=48, show_default=True, type=click.IntRange(1, 200))
@click.option("--device", default="cpu", show_default=True)
def main(folder: Path, photos: tuple[Path, ...], name: str, steps: int, device: str) -> None:
    """Write FOLDER/config.json, the schedule of `diffc` for a denoiser, measured on PHOTOS."""
    run = Run(device=device)
    model = run.models.find(name)
    denoiser = open_denoiser(model, run)
    space_model = run.models.find(denoiser.space)
    measured = curve(list(photos), denoiser, open_space(space_model, run), run)
    mse, nats = information(measured)
    snr = np.concatenate([[0.0], np.exp(GRID)])
    path = best_path(mse, nats, steps)
    bits = [
        min(math.ceil((snr[j] - snr[i]) * mse[i] / 2 / math.log(2) * UNIT), UNIT)
        for i, j in pairwise(path)
    ]
    # A folder is somewhere else on other machines; there its digest counts.
    name = model.folder.name if Path(name).is_dir() else name
    networks = {name: model.digest}
    if not holds(model, denoiser.space):
        networks[denoiser.space] = space_model.digest
    config = {
        "_class_name": "DiffcSchedule",
        "denoiser": name,
        "networks": networks,
        "photographs": len(photos),
    }
    tensors = {
        "bits": np.array(bits, np.int32),
        "log_snr": GRID[[j - 1 for j in path[1:]]].astype(np.float32),
        "mse": mse[path[:-1]].astype(np.float32),
    }
    write_model(folder, config, tensors)
    total = sum(bits) / UNIT
    click.echo(
        f"{folder}: {steps} steps, {total:.3f} bits a dimension to ln snr {GRID[-1]:g},"
        f" {100 * (total * math.log(2) / nats[-1] - 1):.1f} % above the continuous process"
    )


if __name__ == "__main__":
    main()
