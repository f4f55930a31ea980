"""One weight that is no number: the command ends in one line that names who was given it, and no picture is left."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gcodec.errors import ModelError
from gcodec.interfaces import Setup
from gcodec.models import ModelStore
from gcodec.pipeline.encoding import check_encoding
from gcodec.pipeline.stage1 import build
from gcodec.plugin import EmbeddingSpec
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.testing import pictures

WEIGHTS = "diffusion_pytorch_model.safetensors"

#: Model -> tensor that breaks, the command that opens it, and who is named.
CASES = {
    "base/ntc at the sender": (
        "analysis.squeeze",
        "encode photo.png -o made.gcx --embed ntc",
        "embedding 'ntc' of gcodec-ntc",
    ),
    "base/autoencoder": (
        "project",
        "encode photo.png -o made.gcx --embed ldm_quant",
        "embedding 'ldm_quant' of gcodec-ldm",
    ),
    "base/ntc": (
        "synthesis",
        "encode photo.png -o made.gcx --embed ntc",
        "embedding 'ntc' of gcodec-ntc",
    ),
    "base/flow": (
        "up",
        "decode file.gcx -o made.png --recon flow --steps 1",
        "reconstructor 'flow' of gcodec-flow",
    ),
    "base/bridge": (
        "up",
        "decode file.gcx -o made.png --recon bridge --steps 1",
        "reconstructor 'bridge' of gcodec-flow",
    ),
    "base/one_step": (
        "up_blocks",
        "decode file.gcx -o made.png --recon one_step",
        "reconstructor 'one_step' of gcodec-flow",
    ),
    "base/denoiser": (
        "up_blocks",
        "decode file.gcx -o made.png --recon mse",
        "reconstructor 'mse' of gcodec-posterior",
    ),
}


def broken(model: str, beginning: str, folder: Path) -> Path:
    """Return a copy of a model, in which one value of one tensor is NaN."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(ModelStore.installed().find(model).folder, folder)
    tensors = load_file(folder / WEIGHTS)
    name = next(n for n, t in tensors.items() if n.startswith(beginning) and t.dtype.kind == "f")
    tensors[name].flat[tensors[name].size // 2] = np.nan
    save_file(tensors, folder / WEIGHTS)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_one_nan_in_a_network_is_an_error_and_no_black_picture(case: str, tmp_path: Path) -> None:
    model = case.partition(" ")[0]
    if model not in registry().models:
        pytest.skip(f"{model} is not installed")
    beginning, words, owner = CASES[case]
    folder = broken(model, beginning, tmp_path / "model")
    (tmp_path / "photo.png").write_bytes(pictures.as_png(pictures.photograph(48, 64)))

    def gcodec(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gcodec", *map(str, words)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    made = gcodec("encode", "photo.png", "-o", "file.gcx", "--embed", "webp")
    assert made.returncode == 0, made.stderr
    done = gcodec(*words.split(), "--model", folder)
    assert done.returncode == 18, done.stderr
    (line,) = done.stderr.splitlines()
    assert owner in line
    assert not list(tmp_path.glob("made.*"))


@pytest.mark.parametrize(
    "name", [spec.name for spec in registry().usable(EmbeddingSpec).values() if spec.model]
)
def test_weights_of_another_kind_are_refused_in_words(name: str) -> None:
    """A key that a dictionary lacks says nothing to whoever gave `--model base/flow`."""
    if "base/flow" not in registry().models:
        pytest.skip("base/flow is not installed")
    with pytest.raises(ModelError, match=r"of class FlowUNet|its config\.json has no '"):
        spec, values, _, weights = check_encoding(name, {}, "base/flow", None, Run())
        build(spec, Setup(Run(), values, weights))
