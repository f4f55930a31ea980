"""Networks that are in use are opened once in a run, and by nobody kept longer."""

from __future__ import annotations

import weakref
from collections import Counter

import pytest

from gcodec.errors import UnknownNetwork
from gcodec.models import Model, ModelStore
from gcodec.models.networks import open_denoiser, open_space
from gcodec.pipeline.decoding import decode
from gcodec.pipeline.encoding import encode
from gcodec.run import Run
from gcodec.testing import pictures


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the weights of each model were read."""
    counted: Counter[str] = Counter()
    read = Model.torch_tensors

    def counting(self: Model, *arguments: str) -> object:
        counted[self.name] += 1
        return read(self, *arguments)

    monkeypatch.setattr(Model, "torch_tensors", counting)
    return counted


@pytest.mark.parametrize(
    ("embedding", "reconstructor"), [("jpeg", "cdc"), ("ldm_quant", "ode"), ("diffc", "cdc")]
)
def test_adapters_and_reconstructor_share_what_they_open(
    reads: Counter[str], embedding: str, reconstructor: str
) -> None:
    data = encode(pictures.as_picture(pictures.photograph(64, 64)), embedding).data
    reads.clear()
    decode(data, reconstructor)
    assert reads["base/denoiser"] == reads["base/autoencoder"] == 1
    assert max(reads.values()) == 1


def test_what_a_run_holds_is_found_again_and_another_run_has_its_own() -> None:
    store = ModelStore.installed()
    unet, autoencoder = store.find("base/denoiser"), store.find("base/autoencoder")
    run = Run(models=store)
    denoiser = open_denoiser(unet, run)
    assert open_denoiser(unet, run.with_seed(7)) is denoiser
    assert open_space(unet, run) is open_space(autoencoder, run)
    assert open_denoiser(unet, Run(models=store)) is not denoiser
    with pytest.raises(UnknownNetwork):
        open_space(store.find("base/codebook16"), run)


def test_nothing_outlives_those_who_use_it() -> None:
    """Without the garbage collector's help: a network may have gigabytes."""
    store = ModelStore.installed()
    run = Run(models=store)
    denoiser = open_denoiser(store.find("base/denoiser"), run)
    there = weakref.ref(denoiser)
    assert len(run.opened) == 4  # the denoiser, its latent space, and the weights of each
    del denoiser
    assert there() is None
    assert len(run.opened) == 0
