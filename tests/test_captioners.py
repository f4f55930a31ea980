"""Captions that a captioner wrote: in files of every embedding that sends text, and the receiver needs no captioner."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from gcodec.models import ModelStore
from gcodec.models.networks import open_captioner
from gcodec.pictures import load_image
from gcodec.pipeline.stage1 import open_stage1
from gcodec.plugin import CAPTION
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Text
from gcodec.testing._processes import run_gcodec
from gcodec_diffusers.tiny_captioners import make_captioner

PHOTO = Path(__file__).parent / "images" / "kodim23.png"
TELLERS = [spec.name for spec in registry().embeddings.values() if "text" in spec.makes]

needs_transformers = pytest.mark.skipif(
    find_spec("transformers") is None, reason="transformers is not installed"
)
# Deprecations within transformers are theirs.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.mark.parametrize("name", TELLERS)
def test_who_sends_text_takes_it_from_the_user_and_from_captioners(name: str) -> None:
    assert {"text_sketch", "perco"} <= set(TELLERS)
    assert set(CAPTION) <= set(registry().embeddings[name].options)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    path = tmp_path_factory.mktemp("captioners") / "birds.png"
    Image.open(PHOTO).convert("RGB").crop((440, 140, 504, 188)).save(path)
    return path


@needs_transformers
@pytest.mark.parametrize("name", TELLERS)
def test_the_words_are_in_the_file_and_the_receiver_needs_nobody_to_write_them(
    name: str, picture: Path, tmp_path: Path
) -> None:
    folder = make_captioner("BlipForConditionalGeneration", tmp_path / "blip", seed=1)
    model = ModelStore().find(str(folder))
    wanted = open_captioner(model, Run()).caption(load_image(picture).pixels)
    file, decoded = tmp_path / "birds.gcx", tmp_path / "birds.png"
    words = ("encode", picture, "--embed", name, "--captioner", folder, "-o", file)
    done = run_gcodec(*words, "--quality", "0")
    assert (done.returncode, done.stderr) == (0, "")
    shutil.rmtree(folder)
    (said,) = (s for s in open_stage1(file.read_bytes()).signals() if isinstance(s, Text))
    assert said.value == wanted != ""
    done = run_gcodec("decode", file, "-o", decoded)
    assert done.returncode == 0, done.stderr
    assert load_image(decoded).pixels.shape == (3, 48, 64)


@pytest.mark.parametrize(
    ("captioner", "status", "advice"),
    [
        ("acme/blip", 9, "gcodec models --fetch OWNER/NAME"),
        ("base/flow", 9, "which no installed plugin opens as a captioner"),
    ],
)
def test_no_captioner_is_one_line_and_no_file(
    picture: Path, tmp_path: Path, captioner: str, status: int, advice: str
) -> None:
    file = tmp_path / "birds.gcx"
    words = ("encode", picture, "--embed", "text_sketch", "--captioner", captioner, "-o", file)
    done = run_gcodec(*words)
    assert done.returncode == status
    assert advice in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not file.exists()
