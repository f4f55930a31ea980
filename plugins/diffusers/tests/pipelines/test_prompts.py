"""Captions: what a pipeline's own text encoders make of them, against diffusers' pipelines loaded from the same folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gcodec.errors import ModelDamaged
from gcodec.interfaces import Size
from gcodec.models import Model, ModelStore
from gcodec.models.networks import open_denoiser
from gcodec.run import Run
from gcodec.signals import Preview, Signal, Text
from gcodec_diffusers import tiny
from gcodec_diffusers.known import KnownDenoiser
from gcodec_diffusers.layout import EMPTY_PROMPT, reads_text
from gcodec_diffusers.prompts import embed, save_empty_prompt
from gcodec_diffusers.tiny_texts import add_texts

pytestmark = [
    pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed"),
    # Deprecations within transformers and diffusers are theirs.
    pytest.mark.filterwarnings("default"),
]

SIZE = Size(32, 40)
Least = Callable[[KnownDenoiser, Size], dict[str, Signal]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("texts")
    return {kind: add_texts(kind, tiny.make(kind, root / kind)) for kind in tiny.KINDS}


def model(folder: Path) -> Model:
    return ModelStore().find(str(folder))


def by_diffusers(folder: Path, prompt: str, **settings: Any) -> Any:
    """What `encode_prompt` returns in the pipeline that diffusers itself loads."""
    from gcodec.models import _torchvision_cpu

    _torchvision_cpu.install()
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(
        folder, local_files_only=True, low_cpu_mem_usage=False
    )
    with torch.no_grad():
        return pipeline.encode_prompt(prompt=prompt, device="cpu", **settings)


# diffusers has no class for PerCo(SD); its text encoder is that of SD 2.1.
@pytest.mark.parametrize("kind", [kind for kind in tiny.KINDS if kind != "perco"])
@pytest.mark.parametrize("prompt", ["a red ball", ""])
def test_a_prompt_is_what_the_published_pipeline_makes_of_it(
    folders: dict[str, Path], kind: str, prompt: str
) -> None:
    found = embed(model(folders[kind]), prompt, "cpu", torch.float32)
    if not prompt and kind.startswith("sdxl"):
        assert not found["text"].any() and not found["pooled"].any()
        return
    settings: dict[str, Any] = {"do_classifier_free_guidance": False, "num_images_per_prompt": 1}
    if kind == "flux":
        settings = {"prompt_2": None}
    elif kind == "sd3":
        settings |= {"prompt_2": None, "prompt_3": None}
    made = by_diffusers(folders[kind], prompt, **settings)
    torch.testing.assert_close(found["text"], made[0])
    if kind not in ("sd15", "sd21"):
        torch.testing.assert_close(found["pooled"], made[1 if kind == "flux" else 2])


@pytest.mark.parametrize("kind", ["sd15", "perco", "sdxl", "sd3", "flux"])
def test_a_caption_conditions_the_network(
    folders: dict[str, Path], least: Least, kind: str
) -> None:
    """No caption is the empty prompt, for guidance to go from; another caption is another picture."""
    assert reads_text(model(folders[kind]))
    denoiser = open_denoiser(model(folders[kind]), Run())
    assert isinstance(denoiser, KnownDenoiser) and "text" in denoiser.sees
    rest, channels = least(denoiser, SIZE), denoiser.parts.encoder.channels
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, channels, 4, 5))).float()

    def answer(**signals: Text) -> torch.Tensor:
        return denoiser.x0(x, 1.0, 1.0, denoiser.condition({**rest, **signals}, SIZE))

    nothing, red, blue = answer(), answer(text=Text("a red ball")), answer(text=Text("a blue one"))
    assert float((red - nothing).abs().max()) > 1e-6
    assert float((red - blue).abs().max()) > 1e-6


def test_guidance_leads_away_from_no_caption_and_keeps_the_rest(folders: dict[str, Path]) -> None:
    denoiser = open_denoiser(model(folders["sd15"]), Run())
    preview = Preview(np.full((3, *SIZE), 0.3, np.float32), 1e-3)
    given = {"preview": preview, "text": Text("a red ball")}
    rest, nothing = denoiser.unguided(given, SIZE), denoiser.condition({}, SIZE)
    assert torch.equal(rest.globals["text"], nothing.globals["text"])
    assert torch.equal(rest.maps["estimate"], denoiser.condition(given, SIZE).maps["estimate"])
    assert not torch.equal(rest.maps["estimate"], nothing.maps["estimate"])


def test_guidance_keeps_the_tokens(folders: dict[str, Path], least: Least) -> None:
    """As PerCo was trained: text was dropped, and the hyper-latent never."""
    denoiser = open_denoiser(model(folders["perco"]), Run())
    assert isinstance(denoiser, KnownDenoiser)
    tokens = least(denoiser, SIZE)
    signals = {**tokens, "text": Text("a red ball")}
    given, rest = denoiser.condition(signals, SIZE), denoiser.unguided(signals, SIZE)
    assert torch.equal(rest.maps["tokens"], given.maps["tokens"])
    assert not torch.equal(rest.globals["text"], given.globals["text"])
    empty = denoiser.condition(tokens, SIZE)
    assert torch.equal(rest.globals["text"], empty.globals["text"])


def test_the_stored_empty_prompt_is_the_encoded_one(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["sd3"], tmp_path / "stored")
    before, encoded = model(folder).digest, embed(model(folder), "", "cpu", torch.float32)
    assert save_empty_prompt(model(folder)) == folder / EMPTY_PROMPT
    assert model(folder).digest != before
    for name in ("text_encoder", "text_encoder_2", "text_encoder_3"):
        shutil.rmtree(folder / name)
    stored = embed(model(folder), "", "cpu", torch.float32)
    assert stored.keys() == encoded.keys()
    for name, tensor in stored.items():
        torch.testing.assert_close(tensor, encoded[name])


def test_sd3_goes_without_its_largest_text_encoder(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """Zeros stand where the T5 would speak."""
    folder = shutil.copytree(folders["sd3"], tmp_path / "small")
    for name in ("text_encoder_3", "tokenizer_3"):
        shutil.rmtree(folder / name)
    found = embed(model(folder), "a red ball", "cpu", torch.float32)["text"]
    whole = embed(model(folders["sd3"]), "a red ball", "cpu", torch.float32)["text"]
    assert found.shape == whole.shape and not found[:, 77:].any()
    torch.testing.assert_close(found[:, :77], whole[:, :77])


def test_text_encoders_that_do_not_fit_are_refused(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["sd15"], tmp_path / "spoilt")
    index = folder / "model_index.json"
    text = index.read_text()
    for name in ("AutoModelOfTomorrow", "AutoModel", "CLIPConfig"):
        index.write_text(text.replace('"CLIPTextModel"', f'"{name}"'))
        with pytest.raises(ModelDamaged, match=name):
            embed(model(folder), "", "cpu", torch.float32)
    index.write_text(text)
    config = folder / "text_encoder" / "config.json"
    text = config.read_text()
    config.write_text(text.replace('"num_hidden_layers": 2', '"num_hidden_layers": 3'))
    with pytest.raises(ModelDamaged, match="missing keys"):
        embed(model(folder), "", "cpu", torch.float32)
    config.write_text(text)
    shutil.rmtree(folder / "tokenizer")
    with pytest.raises(ModelDamaged, match="tokenizer"):
        embed(model(folder), "", "cpu", torch.float32)


def test_the_command(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(folders["sd21"], tmp_path / "stored")
    words = [sys.executable, "-m", "gcodec_diffusers.prompts", str(folder)]
    subprocess.run(words, check=True, timeout=200, capture_output=True, env=dict(os.environ))
    assert (folder / EMPTY_PROMPT).is_file()
