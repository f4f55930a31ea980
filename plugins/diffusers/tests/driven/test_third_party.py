"""A family that somebody else adds, with the very file of the guide; and the base class by itself."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor

import gcodec
from gcodec.interfaces import Size
from gcodec.models import Model, ModelStore
from gcodec.models.networks import Condition, open_denoiser
from gcodec.run import Run
from gcodec_diffusers.driven import DrivenDenoiser
from gcodec_diffusers.noise_levels import Level
from gcodec_diffusers.pipeline import PipelineDenoiser
from gcodec_diffusers.pixels import PixelSpace
from gcodec_diffusers.schedules import schedule_of

GUIDE = Path(__file__).resolve().parents[4] / "docs" / "plugins.md"


@pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed")
@pytest.mark.filterwarnings("default")
def test_the_family_of_the_guide_opens_a_folder(
    folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = re.search(r"```python\n# file: acme_family.py\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    (tmp_path / "acme_family.py").write_text(found[1])
    monkeypatch.syspath_prepend(tmp_path)
    path = shutil.copytree(folder("Lumina2Pipeline"), tmp_path / "model")
    index = json.loads((path / "model_index.json").read_text())
    (path / "model_index.json").write_text(json.dumps({**index, "_class_name": "AcmePipeline"}))
    registered = gcodec.register(import_module("acme_family"))
    try:
        theirs = open_denoiser(ModelStore().find(str(path)), Run())
        assert isinstance(theirs, DrivenDenoiser)
        ours = open_denoiser(ModelStore().find(str(folder("Lumina2Pipeline"))), Run())
        x, size = torch.ones(1, 4, 4, 6), Size(32, 48)
        for denoiser in (theirs, ours):
            answer = denoiser.x0(x, 0.5, 0.5, denoiser.condition({}, size))
            torch.testing.assert_close(answer, ours.x0(x, 0.5, 0.5, ours.condition({}, size)))
    finally:
        registered.undo()
        sys.modules.pop("acme_family", None)


class White(PipelineDenoiser):
    """The denoiser of white noise of unit variance: x0-hat = alpha x on a path that keeps the variance."""

    def output(self, x: Tensor, at: Level, condition: Condition) -> Tensor:
        return at.alpha * x


def test_a_network_of_anybodys_is_a_class_with_one_method() -> None:
    schedule = schedule_of({"_class_name": "DDPMScheduler", "prediction_type": "sample"})
    model = Model("white", "0" * 64, Path())
    white = White(model, "white", PixelSpace(), schedule, torch.device("cpu"))
    x = torch.randn(1, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    nothing = white.condition({}, Size(5, 7))
    for noise in (0.1, 1.0, 3.0):
        found = white.x0(x, 1.0, noise, nothing)
        torch.testing.assert_close(found, x / (1 + noise**2), rtol=1e-4, atol=1e-5)
