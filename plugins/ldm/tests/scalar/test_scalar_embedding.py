"""`ldm_quant` and `rate_variable`: what their latents are, what they cost, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from gcodec.errors import ModelDamaged, ModelMissing, PayloadError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.models import Model, ModelStore, folder_digest
from gcodec.registry import load_object, registry
from gcodec.run import Run
from gcodec.signals import Latent, Noisy
from gcodec.testing.damage import refused
from gcodec_ldm.scalar.embedding import LdmQuant, RateVariable
from gcodec_train import WEIGHTS

SIZE = Size(128, 160)


def decoded(embedding: Embedding, layers: tuple[bytes, ...], size: Size = SIZE) -> Latent:
    (signal,) = embedding.decode(layers, size)
    assert isinstance(signal, Latent)
    return signal


def mse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.square(a - b).mean(dtype=np.float64))


@pytest.mark.parametrize("quality", [0.0, 0.35, 0.7, 1.0])
def test_ldm_quant_rounds_to_multiples_of_its_step(
    ldm_quant: LdmQuant, latent: np.ndarray, quality: float
) -> None:
    found = decoded(ldm_quant, ldm_quant.encode(latent, quality))
    assert found.space == "base"
    assert found.values == pytest.approx(np.rint(latent / found.step) * found.step, abs=1e-5)


def test_rate_variable_rounds_relative_to_what_it_expects(
    ldm_quant: LdmQuant, rate_variable: RateVariable, latent: np.ndarray
) -> None:
    """No value is further off than half a bin, and where little is sent the expectation is worth more than zero."""
    for quality in (0.0, 0.35, 0.7, 1.0):
        found = decoded(rate_variable, rate_variable.encode(latent, quality))
        assert np.abs(found.values - latent).max() <= found.step / 2 * 1.001
    coarse = decoded(rate_variable, rate_variable.encode(latent, 0.25))
    plain = decoded(ldm_quant, ldm_quant.encode(latent, 0.25))
    assert plain.step == pytest.approx(coarse.step, rel=0.01)
    assert mse(coarse.values, latent) < mse(plain.values, latent)


def test_bytes_grow_and_error_falls_with_quality(
    embedding: LdmQuant | RateVariable, latent: np.ndarray
) -> None:
    sizes, errors, steps = [], [], []
    for quality in np.linspace(0, 1, 9):
        layers = embedding.encode(latent, float(quality))
        found = decoded(embedding, layers)
        sizes.append(len(layers[0]))
        errors.append(mse(found.values, latent))
        steps.append(found.step)
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert steps == sorted(steps, reverse=True)
    # Universal quantization sends something even of what is far below a bin.
    assert sizes[-1] > (5 if embedding.setup.options.get("dither") else 20) * sizes[0]


def test_q_is_continuous(rate_variable: RateVariable, latent: np.ndarray) -> None:
    """Widths a ten-thousandth apart are told apart, and say nothing untrue of the latent."""
    near = [decoded(rate_variable, rate_variable.encode(latent, q)) for q in (0.5, 0.50002)]
    assert near[0].step > near[1].step > near[0].step * 0.9999
    for found in near:
        assert np.abs(found.values - latent).max() <= found.step / 2 * 1.001


def independent_bits(symbols: np.ndarray) -> float:
    """Bits of symbols [C, ...] under the best code for each channel by itself, its table for nothing."""
    bits = 0.0
    for channel in symbols.reshape(len(symbols), -1):
        _, counts = np.unique(channel, return_counts=True)
        bits -= float((counts * np.log2(counts / counts.sum())).sum())
    return bits


def test_the_model_knows_more_than_each_channels_histogram(
    ldm_quant: LdmQuant, kodim23: np.ndarray
) -> None:
    latent, size = ldm_quant.analyse(kodim23[:, 100:356, 300:556].copy()), Size(256, 256)
    for quality in (0.2, 0.5, 0.8):
        layers = ldm_quant.encode(latent, quality)
        found = decoded(ldm_quant, layers, size)
        symbols = np.rint(found.values / found.step)
        assert 8 * len(layers[0]) < 0.85 * independent_bits(symbols)


def test_the_bins_are_the_noise_that_eta_says(ldm_quant: LdmQuant, kodim23: np.ndarray) -> None:
    """t = eta(Delta): the adapter's state is as far from x_0 as its SNR says, less far in smooth pictures."""
    pytest.importorskip("gcodec_diffusers")
    adapter = registry().adapters["noise_latent"]
    run = Run()
    setup = Setup(run, {}, run.models.find("base/denoiser"))
    latent, size = ldm_quant.analyse(kodim23[:, 100:356, 300:556].copy()), Size(256, 256)
    found, ratios = [], []
    for quality in (0.4, 0.8, 1.0):
        found.append(decoded(ldm_quant, ldm_quant.encode(latent, quality), size))
        noisy = load_object("adapter", adapter.implementation)(found[-1], size, setup)
        assert isinstance(noisy, Noisy)
        ratios.append(mse(noisy.x_t, noisy.alpha_t * latent) ** 0.5 / noisy.sigma_t)
        assert noisy.sigma_t <= found[-1].step / 12**0.5
    assert all(0.6 < ratio < 1.08 for ratio in ratios)
    assert ratios[-1] == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("size", [(1, 1), (9, 17), (8, 8), (1, 100), (31, 33)])
def test_any_size(
    embedding: LdmQuant | RateVariable, picture: np.ndarray, size: tuple[int, int]
) -> None:
    pixels = np.ascontiguousarray(picture[:, : size[0], : size[1]])
    y = embedding.analyse(pixels)
    found = decoded(embedding, embedding.encode(y, 0.8), Size(*size))
    assert found.values.shape == (32, -(-size[0] // 8), -(-size[1] // 8))
    assert np.abs(found.values - y).max() <= found.step / 2 * 1.001


def test_flat_pictures_cost_little(ldm_quant: LdmQuant, rate_variable: RateVariable) -> None:
    latent = ldm_quant.analyse(np.full((3, 256, 256), 0.5, np.float32))
    for embedding in (ldm_quant, rate_variable):
        assert len(embedding.encode(latent, 0.3)[0]) < 256 * 256 / 8 / 12


CHILD = """
import hashlib, sys
from pathlib import Path
from gcodec.pictures import load_image
from gcodec.interfaces import Setup, Size
from gcodec.models import Model, ModelStore
from gcodec.run import Run
from gcodec_ldm.scalar import embedding
model = Model("base/ldm", sys.argv[2], Path(sys.argv[3]))
made = getattr(embedding, sys.argv[1])(Setup(Run(models=ModelStore()), {}, model))
layers = (sys.stdin.buffer.read(),)
print(hashlib.sha256(made.symbols(layers, Size(128, 160))).hexdigest())
print(hashlib.sha256(made.decode(layers, Size(128, 160))[0].values.tobytes()).hexdigest())
print("torch" in sys.modules)
"""


def test_a_fresh_process_reads_the_same_without_torch_or_autoencoder(
    embedding: LdmQuant | RateVariable, model: Model, latent: np.ndarray
) -> None:
    layers = embedding.encode(latent, 0.6)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, type(embedding).__name__, model.digest, str(model.folder)],
        input=layers[0],
        capture_output=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
    )
    symbols, values, torch = done.stdout.decode().split()
    assert symbols == hashlib.sha256(embedding.symbols(layers, SIZE)).hexdigest()
    here = decoded(embedding, layers).values
    assert values == hashlib.sha256(here.tobytes()).hexdigest()
    assert torch == "False"


def test_damaged_payloads_raise_payload_errors_only(
    embedding: LdmQuant | RateVariable, latent: np.ndarray
) -> None:
    (payload,) = embedding.encode(latent[:, :8, :9], 0.6)
    found = refused(
        payload,
        lambda data: embedding.decode((data,), Size(64, 72)),
        embedding.name,
        head=embedding.head,
    )
    assert found >= 38


def test_wrong_shapes_of_payload_are_refused(embedding: LdmQuant | RateVariable) -> None:
    for layers in ((), (b"",), (b"\x01\x02\x03",) * 2, (b"\x80\x80\x01\x00",)):
        with pytest.raises(PayloadError, match=embedding.name):
            embedding.decode(layers, Size(32, 32))


def test_random_bytes_are_refused(embedding: LdmQuant | RateVariable) -> None:
    rng = np.random.default_rng(6)
    for length in (4, 10, 100, 1000):
        with pytest.raises(PayloadError):
            embedding.decode((rng.bytes(length - 1) + b"\x01",), Size(64, 64))


def changed(model: Model, folder, **latents: str) -> Model:
    """A copy of the model with another table [latents] in its configuration."""
    config = model.config | {"latents": model.config["latents"] | latents}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / WEIGHTS).write_bytes((model.folder / WEIGHTS).read_bytes())
    return Model("changed", folder_digest(folder), folder)


def test_latents_of_another_autoencoder_are_refused(model: Model, picture, tmp_path) -> None:
    other = LdmQuant(Setup(Run(), {}, changed(model, tmp_path, digest="0" * 64)))
    with pytest.raises(ModelMissing, match="0" * 64):
        other.analyse(picture)


def test_a_model_is_needed_and_must_be_the_right_one(model: Model, tmp_path) -> None:
    with pytest.raises(ModelMissing):
        LdmQuant(Setup(Run(models=ModelStore())))
    wrong = Run().models.find("base/autoencoder")
    with pytest.raises(ModelDamaged, match="base/autoencoder"):
        RateVariable(Setup(Run(), {}, wrong))
    lacking = changed(model, tmp_path, factor="eight")
    with pytest.raises(ModelDamaged, match="changed"):
        LdmQuant(Setup(Run(), {}, lacking))
