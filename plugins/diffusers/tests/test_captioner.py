"""Captioners: what transformers' own generation says, greedily, and folders that cannot say anything."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file

from gcodec.errors import ModelDamaged, UnknownNetwork, UnusablePlugin
from gcodec.models import Model, ModelStore
from gcodec.models.networks import Captioner, open_captioner, open_denoiser
from gcodec.registry import registry
from gcodec.run import Run
from gcodec_diffusers.plugin import CAPTIONERS
from gcodec_diffusers.tiny_captioners import CAPTIONERS as TINY
from gcodec_diffusers.tiny_captioners import make_captioner

FloatArray = NDArray[np.float32]

needs_transformers = pytest.mark.skipif(
    find_spec("transformers") is None, reason="transformers is not installed"
)
# Deprecations within transformers are theirs.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("captioners")
    return {kind: make_captioner(kind, root / kind) for kind in TINY}


def model(folder: Path) -> Model:
    return ModelStore().find(str(folder))


def opened(folder: Path) -> Captioner:
    return open_captioner(model(folder), Run())


@needs_transformers
@pytest.mark.parametrize("kind", CAPTIONERS)
def test_it_says_what_the_published_way_says(
    folders: dict[str, Path], photo: FloatArray, kind: str
) -> None:
    """Loaded and asked as transformers' documentation has it, from a picture; and the greedy choice is made word by word."""
    import transformers

    octets = (photo.transpose(1, 2, 0) * 255).round().astype(np.uint8)
    images = transformers.AutoImageProcessor.from_pretrained(folders[kind])
    words = transformers.AutoTokenizer.from_pretrained(folders[kind])
    network = getattr(transformers, kind).from_pretrained(folders[kind]).eval()
    inputs = images(Image.fromarray(octets), return_tensors="pt")
    with torch.no_grad():
        said = network.generate(**inputs, max_new_tokens=32, do_sample=False)
    wanted = words.decode(said[0], skip_special_tokens=True)
    found = opened(folders[kind]).caption(photo)
    assert found == wanted.strip()
    assert 1 <= len(found.split()) <= 32


@needs_transformers
@pytest.mark.parametrize("kind", CAPTIONERS)
def test_chance_has_no_part_and_the_picture_has(
    folders: dict[str, Path], photo: FloatArray, kind: str
) -> None:
    captioner = opened(folders[kind])
    torch.manual_seed(1)
    first = captioner.caption(photo)
    torch.manual_seed(2)
    assert captioner.caption(photo) == first
    assert opened(folders[kind]).caption(photo) == first
    others = [1 - photo, photo[:, :50, :70], photo[::-1]]
    assert {captioner.caption(np.ascontiguousarray(other)) for other in others} != {first}


@needs_transformers
def test_a_captioner_s_own_wish_to_sample_is_not_granted(
    folders: dict[str, Path], photo: FloatArray, tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["GitForCausalLM"], tmp_path / "model")
    path = folder / "generation_config.json"
    wish = {"do_sample": True, "num_beams": 4, "temperature": 9.0, "max_new_tokens": 50}
    path.write_text(json.dumps(json.loads(path.read_text()) | wish))
    assert opened(folder).caption(photo) == opened(folders["GitForCausalLM"]).caption(photo)


@needs_transformers
def test_what_transformers_saves_today_is_read_too(
    folders: dict[str, Path], photo: FloatArray, tmp_path: Path
) -> None:
    """One processor_config.json in the place of preprocessor_config.json."""
    import transformers

    source = folders["BlipForConditionalGeneration"]
    folder = shutil.copytree(source, tmp_path / "model")
    images = transformers.AutoImageProcessor.from_pretrained(folder)
    words = transformers.AutoTokenizer.from_pretrained(folder)
    (folder / "preprocessor_config.json").unlink()
    transformers.BlipProcessor(images, words).save_pretrained(folder)
    assert opened(folder).caption(photo) == opened(source).caption(photo)


@needs_transformers
def test_folders_that_do_not_fit_are_refused(
    folders: dict[str, Path], photo: FloatArray, tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["Blip2ForConditionalGeneration"], tmp_path / "spoilt")
    with pytest.raises(UnknownNetwork, match=r"Blip2.*as a denoiser"):
        open_denoiser(model(folder), Run())
    config = folder / "config.json"
    text = config.read_text()
    about = json.loads(text)
    config.write_text(json.dumps(about | {"num_query_tokens": 5}))
    with pytest.raises(ModelDamaged, match="mismatched keys: query_tokens"):
        opened(folder)
    config.write_text(json.dumps(about | {"image_token_index": None}))
    with pytest.raises(ModelDamaged, match="cannot say anything"):
        opened(folder).caption(photo)
    config.write_text(text)
    for name in ("preprocessor_config.json", "tokenizer.json"):
        whole = (folder / name).read_bytes()
        (folder / name).unlink()
        with pytest.raises(ModelDamaged) as caught:
            opened(folder)
        assert "\n" not in str(caught.value)
        (folder / name).write_bytes(whole)
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    with pytest.raises(ModelDamaged, match="model"):
        opened(folder)


def test_without_transformers_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["BlipForConditionalGeneration"]}')
    save_file({"w": torch.zeros(1)}, tmp_path / "model.safetensors")
    monkeypatch.setitem(sys.modules, "transformers", None)
    registry.cache_clear()  # it remembers what was missing
    with pytest.raises(UnusablePlugin, match=r'pip install "gcodec-diffusers\[text\]"'):
        opened(tmp_path)
    registry.cache_clear()


def test_every_class_that_is_known_has_been_tried() -> None:
    assert set(TINY) == set(CAPTIONERS)
