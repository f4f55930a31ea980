"""spec/embeddings/diffc.md and ddcm.md: examples and vectors, by readers that know the texts alone and by the plugin."""

from __future__ import annotations

import json
import math
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import gcodec_formats as gcx
from gcodec.errors import PayloadError
from gcodec.models.networks import open_denoiser
from gcodec.pipeline.stage1 import open_stage1
from gcodec.randomness import Domain, Randomness
from gcodec.run import Run

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "core" / "tests"), str(Path(__file__).parent)]

import text_steps  # noqa: E402
from text_entropy import Refused  # noqa: E402
from text_steps import Step, levels  # noqa: E402

SPEC = ROOT / "spec"
NUMBERS = {"diffc": 40, "ddcm": 42}
NAMES = sorted(
    f"{name}/{path.stem}"
    for name in NUMBERS
    for path in SPEC.glob(f"vectors/embeddings/{name}/*.gcx")
)
pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="spec/ is not part of this copy")


@cache
def schedule() -> list[int]:
    """The tensor `bits` of profile 2."""
    folder = Run().models.find("base/diffc").folder
    numbers: list[int] = load_file(folder / "diffusion_pytorch_model.safetensors")["bits"].tolist()
    return numbers


def read(data: bytes) -> tuple[list[Step], int]:
    file = gcx.read(data)
    size = file.header.size
    D = 32 * -(-size.height // 8) * -(-size.width // 8)
    layers = file.bodies(gcx.MAIN)
    if file.header.identity.id == NUMBERS["ddcm"]:
        return text_steps.ddcm(layers, D), D
    return text_steps.diffc(layers, schedule(), D), D


def samples(data: bytes) -> list[list[float]]:
    steps, D = read(data)
    seed = gcx.read(data).header.extensions.get(0, 0)
    return [step.z(int(str(seed)), i, D) for i, step in enumerate(steps)]


@torch.inference_mode()
def state(data: bytes) -> Any:
    """Section 5 of diffc.md: x, with the network F of `base/denoiser`."""
    (steps, D), seed = read(data), int(str(gcx.read(data).header.extensions.get(0, 0)))
    size = gcx.read(data).header.size
    shape = 1, 32, -(-size.height // 8), -(-size.width // 8)
    run = Run()
    network: Any = open_denoiser(run.models.find("base/denoiser"), run)
    F, d = network.network.unet, torch.tensor(network.about["deviation"])[:, None, None]
    x = torch.from_numpy(Randomness(seed).normal(Domain.INITIAL_NOISE, 0, 0, shape))
    snr = 0.0
    for step, z in zip(steps, samples(data), strict=True):
        alpha, sigma = math.sqrt(snr / (1 + snr)), math.sqrt(1 / (1 + snr))
        t, y = sigma / (alpha + sigma), x / (alpha + sigma)
        w = ((1 - t) ** 2 * d**2 + t**2).sqrt()
        planes = torch.cat([y / w, torch.zeros(1, 38, *shape[2:])], 1)
        bottom, right = -shape[2] % 4, -shape[3] % 4
        padded = torch.nn.functional.pad(planes, (0, right, 0, bottom), mode="replicate")
        zero = torch.zeros(1)
        said = F(padded, torch.tensor([1000 * t]), class_labels=zero, return_dict=False)[0]
        x0 = (1 - t) * d**2 * y / (w * w) + (t * d / w) * said[:, :, : shape[2], : shape[3]]
        snr = step.snr(snr, D)
        alpha_, sigma_ = math.sqrt(snr / (1 + snr)), math.sqrt(1 / (1 + snr))
        r = alpha / alpha_
        v = sigma * sigma - (r * sigma_) * (r * sigma_)
        x = (
            (r * sigma_ * sigma_ / (sigma * sigma)) * x
            + (alpha_ * v / (sigma * sigma)) * x0
            + (math.sqrt(v) * sigma_ / sigma) * torch.tensor(z).view(shape)
        )
    return x[0].numpy()


@pytest.mark.parametrize("name", NUMBERS)
def test_the_example(name: str) -> None:
    text = (SPEC / "embeddings" / f"{name}.md").read_text(encoding="utf-8")
    text = text.split("Example\n")[1].split("Design choices")[0]
    layer = bytes.fromhex(re.findall(r"^    ((?:[0-9A-F]{2} ?)+)$", text, re.M)[0])
    header = gcx.Header(gcx.Identity(id=NUMBERS[name], profile=2), gcx.Size(24, 32))
    data = gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, layer)], progressive=True))
    (steps, D), zs = read(data), samples(data)
    assert D == 384
    for step, z, snr in zip(steps, zs, levels(steps, D), strict=True):
        assert f"{snr:.5f}" in text
        assert ", ".join(str(round(value * 2**20)) for value in z[:3]) in " ".join(text.split())
        assert f"{step.error:02X}" in text and step.bits.hex(" ").upper() in text
    x = open_stage1(data).signals()[0].x_t  # type: ignore[union-attr]
    assert ", ".join(f"{value:.4f}" for value in x.ravel()[:3]) in " ".join(text.split())
    assert np.abs(x - state(data)).max() < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_vectors(name: str) -> None:
    path = SPEC / "vectors" / "embeddings" / name
    data = path.with_suffix(".gcx").read_bytes()
    facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
    if "error" in facts:
        with pytest.raises(PayloadError):
            open_stage1(data).signals()
        with pytest.raises((Refused, AssertionError, IndexError, StopIteration, ValueError)):
            samples(data)
        return
    steps, D = read(data)
    assert [[s.n, s.error, s.bits.hex()] for s in steps] == facts["steps"]
    assert np.allclose(levels(steps, D), facts["snr"], rtol=1e-9)
    first = [[round(value * 2**20) for value in z[:4]] for z in samples(data)]
    assert first == facts["z"]
    x = open_stage1(data).signals()[0].x_t  # type: ignore[union-attr]
    places = np.linspace(0, x.size - 1, 16).astype(int)
    assert np.allclose(x.ravel()[places], facts["x"], rtol=0, atol=1 / 64)
