"""Whose words a file carries."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from gcodec.entropy.captions import LONGEST, unpack
from gcodec.errors import InvalidOption, ModelDamaged, ModelMissing, UnknownNetwork, UsageError
from gcodec.interfaces import Setup
from gcodec.models import Model
from gcodec.models.captioning import caption_of
from gcodec.models.networks import Captioner
from gcodec.options import check_options
from gcodec.plugin import CAPTION, NetworkSpec
from gcodec.registry import registry
from gcodec.run import Run

FloatArray = NDArray[np.float32]
DARK, BRIGHT = (np.full((3, 8, 8), value, np.float32) for value in (0.1, 0.9))


class Brightness(Captioner):
    """Says how bright a picture is, in more than one line."""

    def __init__(self, model: Model, run: Run) -> None:
        self.words: str = model.config["words"]

    def caption(self, pixels: FloatArray) -> str:
        return f" {self.words}\n {'bright' if pixels.mean() > 0.5 else 'dark'} "


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation with a plugin that opens `Brightness`."""
    import_module("gcodec.border")  # which is to keep the real one, whenever it is first imported
    spec = NetworkSpec("Brightness", "captioner", "a toy", f"{__name__}:Brightness")
    monkeypatch.setitem(registry().networks, spec.name, spec)  # type: ignore[arg-type]
    monkeypatch.setattr("gcodec.registry.load_object", lambda owner, path: Brightness)


def folder(at: Path, words: str = "it is", **config: object) -> Path:
    at.mkdir()
    about = {"architectures": ["Brightness"], "words": words, **config}
    (at / "config.json").write_text(json.dumps(about))
    save_file({"w": np.zeros(1, np.float32)}, at / "model.safetensors")
    return at


def setup(**options: str) -> Setup:
    return Setup(Run(), check_options("test", CAPTION, options))


def said(pixels: FloatArray, **options: str) -> str:
    return unpack(caption_of("test", setup(**options))(pixels), "test")


def test_nobody_and_the_user() -> None:
    assert caption_of("test", setup())(DARK) == b""
    assert said(DARK, text="a boat\nat sea ") == "a boat\nat sea "


@pytest.mark.usefixtures("known")
def test_a_captioner_says_it_in_one_line_and_of_each_picture_its_own(tmp_path: Path) -> None:
    words = caption_of("test", setup(captioner=str(folder(tmp_path / "model"))))
    assert unpack(words(DARK), "test") == "it is dark"
    assert unpack(words(BRIGHT), "test") == "it is bright"


def test_the_captioner_is_not_looked_for_before_it_is_asked() -> None:
    """The receiver's embedding is made of the same spec and has none."""
    words = caption_of("test", setup(captioner="acme/blip"))
    with pytest.raises(ModelMissing, match=r"acme/blip.*--fetch OWNER/NAME"):
        words(DARK)


def test_one_caption_only() -> None:
    with pytest.raises(UsageError, match="--text or --captioner"):
        caption_of("test", setup(text="a boat", captioner="acme/blip"))


@pytest.mark.parametrize("text", ["x" * (LONGEST + 1), "\ud800"])
def test_impossible_texts_are_refused_at_once(text: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        caption_of("test", setup(text=text))
    assert caught.value.option == "text"
    assert str(LONGEST) in str(caught.value)


@pytest.mark.usefixtures("known")
def test_a_captioner_that_does_not_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption) as caught:
        said(DARK, captioner=str(folder(tmp_path / "model", "word" * LONGEST)))
    assert caught.value.option == "captioner"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"architectures": ["Tomorrow"]}, UnknownNetwork, r"Tomorrow.*as a captioner.*Brightness"),
        ({"architectures": []}, ModelDamaged, "architectures"),
        ({"architectures": None}, ModelDamaged, "architectures"),
        ({"_class_name": "UNet2DModel"}, UnknownNetwork, "UNet2DModel.*as a captioner"),
    ],
)
def test_what_is_no_captioner_is_named(
    tmp_path: Path, config: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        said(DARK, captioner=str(folder(tmp_path / "model", **config)))
