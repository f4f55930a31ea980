"""`one_step` on pipelines of few steps: one call of their network, at the noise that the preview's error is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import gcodec
from gcodec.pictures import psnr
from gcodec.run import Run
from gcodec_diffusers import tiny_families
from gcodec_diffusers.pipeline import PipelineDenoiser

FloatArray = NDArray[np.float32]

#: Stable Diffusion's network with the scheduler of its Turbo models, and a family that the driver drives.
TURBO, KLEIN = "sd15", "Flux2KleinPipeline"


@pytest.fixture(scope="module", params=[TURBO, KLEIN])
def folder(
    request: pytest.FixtureRequest,
    pipeline: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    path: Path = tmp_path_factory.mktemp("few") / str(request.param)
    if request.param == KLEIN:
        pytest.importorskip("transformers")
        return tiny_families.make_family(KLEIN, path)
    shutil.copytree(pipeline(TURBO), path)
    scheduler = path / "scheduler" / "scheduler_config.json"
    change = {"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "trailing"}
    scheduler.write_text(json.dumps({**json.loads(scheduler.read_text()), **change}))
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times sigma / (alpha + sigma) at which networks of pipelines are asked."""
    times: list[float] = []
    known = PipelineDenoiser.x0

    def x0(self: Any, x: Any, alpha: float, sigma: float, *rest: Any) -> Any:
        times.append(sigma / (alpha + sigma))
        return known(self, x, alpha, sigma, *rest)

    monkeypatch.setattr(PipelineDenoiser, "x0", x0)
    return times


def test_one_call_at_the_noise_that_the_previews_error_is(
    photo: FloatArray, folder: Path, asked: list[float]
) -> None:
    """The more the file says, the nearer to the end the call is; nothing is drawn, so that no seed matters."""
    shown = []
    for quality in (0.1, 0.8):
        made = gcodec.encode(
            gcodec.Picture.from_array(photo), "ntc", target=gcodec.Target(quality=quality)
        )
        for seed in (0, 1):
            how: dict[str, Any] = {"model": str(folder), "run": Run(seed=seed)}
            shown.append(gcodec.decode(made.data, "one_step", **how).picture.pixels)
    assert len(asked) == 4
    assert asked[0] == asked[1] > asked[2] == asked[3] > 0
    assert all(pixels.shape == photo.shape for pixels in shown)
    np.testing.assert_array_equal(shown[0], shown[1])
    np.testing.assert_array_equal(shown[2], shown[3])
    # A network of random weights makes no picture, but what it is asked about is one.
    assert psnr(photo, shown[2]) > 8


def test_at_the_first_step_of_a_schedule_of_one(
    photo: FloatArray, folder: Path, asked: list[float]
) -> None:
    made = gcodec.encode(
        gcodec.Picture.from_array(photo), "jpeg", target=gcodec.Target(quality=0.3)
    )
    pictures = [
        gcodec.decode(
            made.data,
            "one_step",
            model=str(folder),
            options={"start": "noise"},
            run=Run(seed=seed),
        ).picture.pixels
        for seed in (1, 1, 2)
    ]
    assert asked == [1, 1, 1]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
