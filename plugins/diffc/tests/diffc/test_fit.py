"""The maker of schedules: KL and I-MMSE against the process whose answers are known, and the shortest path among all."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from gcodec import Picture, save_image
from gcodec.models import ModelStore
from gcodec.run import Run
from gcodec_diffc.diffc import fit
from gcodec_diffc.diffc._schedule import UNIT, open_schedule

Array = NDArray[np.float64]

#: Of x_0 = N(0, I): x0-hat = alpha_t x_t, whose squared error is 1 / (1 + snr), and I(x_0; x_t) = ln(1 + snr) / 2.
GAUSSIAN = 1 / (1 + np.exp(fit.MEASURED))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """64 x 64 pixels."""
    path = tmp_path / "photo.png"
    values = np.random.default_rng(1).random((3, 8, 8)).repeat(8, 1).repeat(8, 2)
    save_image(Picture(values.astype(np.float32)), path)
    return path


def test_the_error_is_that_of_x0_hat_on_the_forward_process(photo: Path) -> None:
    """Of a normal latent and the best denoiser that there is for it."""
    x_0 = np.random.default_rng(0).standard_normal((16, 32, 32)).astype(np.float32)
    space = SimpleNamespace(encode=lambda pixels: x_0)
    denoiser = SimpleNamespace(
        condition=lambda signals, size: None, x0=lambda x_t, alpha, sigma, condition: alpha * x_t
    )
    found = fit.curve([photo], denoiser, space, Run())  # type: ignore[arg-type]
    assert found == pytest.approx(GAUSSIAN, rel=0.06)


def test_information_is_half_the_integral_of_the_error() -> None:
    mse, nats = fit.information(GAUSSIAN)
    snr = np.concatenate([[0], np.exp(fit.GRID)])
    assert mse[1:] == pytest.approx(1 / (1 + snr[1:]), rel=0.02)
    assert nats == pytest.approx(np.log1p(snr) / 2, rel=0.01)


def kl(mse: Array, snr: Array, path: list[int]) -> list[float]:
    """Nats per dimension of each step: (snr_s - snr_t) mse_t / 2."""
    return [(snr[j] - snr[i]) * mse[i] / 2 for i, j in itertools.pairwise(path)]


def test_many_small_steps_cost_what_the_continuous_process_does() -> None:
    """A step costs more than the information that it brings, and the less more the smaller it is."""
    mse, nats = fit.information(GAUSSIAN)
    snr = np.concatenate([[0], np.exp(fit.GRID)])
    above = []
    for count in (10, 40, 160):
        path = fit.best_path(mse, nats, count)
        assert path[0] == 0 and path[-1] == len(snr) - 1 and len(path) == count + 1
        assert path == sorted(set(path))
        sent = np.cumsum(kl(mse, snr, path))
        assert np.all(sent >= 0.999 * nats[path[1:]])
        above.append(float(sent[-1] / nats[-1]) - 1)
    assert above[0] > above[1] > above[2]
    assert above[2] < 0.05 and 0.05 < above[1] < 0.25


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7])
def test_the_path_is_the_best_of_all(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what each step costs beyond the information, relative to all that is known after it, or 0.04 bits a dimension."""
    monkeypatch.setattr(fit, "GRID", np.arange(-7.0, 6.01, 1.0))
    mse, nats = fit.information(GAUSSIAN)
    snr = np.concatenate([[0], np.exp(fit.GRID)])

    def cost(path: list[int]) -> float:
        waste = zip(kl(mse, snr, path), itertools.pairwise(path), strict=True)
        own, least = 8 * math.log(2) / 196_608, 0.04 * math.log(2)
        shares = [
            (spent + own - nats[j] + nats[i]) / max(nats[j], least) for spent, (i, j) in waste
        ]
        return sum(shares)

    last = len(snr) - 1
    between = itertools.combinations(range(1, last), count - 1)
    paths = [[0, *middle, last] for middle in between]
    assert fit.best_path(mse, nats, count) == min(paths, key=cost)


def bits_of(log_snr: Array, mse: Array) -> Array:
    """Bits per dimension of the steps that end at `log_snr`: their KL."""
    snr = np.concatenate([[0], np.exp(log_snr)])
    return np.array(kl(mse, snr, list(range(len(snr))))) / math.log(2)


def test_a_step_has_as_many_bits_as_its_kl(photo: Path, tmp_path: Path) -> None:
    """What `python -m gcodec_diffc.diffc.fit` writes; with the shipped networks it opens."""
    folder = tmp_path / "schedule"
    made = CliRunner().invoke(fit.main, [str(folder), str(photo), "--steps", "7"])
    assert made.exit_code == 0, made.output
    assert "7 steps" in made.output and "above the continuous process" in made.output
    store = ModelStore.installed()
    model = store.find(str(folder))
    tensors = model.tensors()
    due = np.minimum(bits_of(tensors["log_snr"], tensors["mse"]), 1)
    assert tensors["bits"] / UNIT == pytest.approx(due, rel=1e-3, abs=2 / UNIT)
    assert open_schedule(model, store).bits == tuple(tensors["bits"].tolist())
    config = json.loads((folder / "config.json").read_text())
    assert config["denoiser"] == "base/denoiser" and config["photographs"] == 1


def test_the_shipped_schedule_is_one_of_its_makings() -> None:
    """Its bits are the KL of its own steps, to the photographs' mean, and it ends where the maker's grid ends."""
    tensors = ModelStore.installed().find("base/diffc").tensors()
    due = np.minimum(bits_of(tensors["log_snr"], tensors["mse"]), 1)
    assert tensors["bits"] / UNIT == pytest.approx(due, rel=2e-3, abs=2 / UNIT)
    assert tensors["log_snr"][-1] == pytest.approx(fit.GRID[-1])
    on_grid = np.abs(tensors["log_snr"][:, None] - fit.GRID).min(1)
    assert on_grid.max() < 1e-5
