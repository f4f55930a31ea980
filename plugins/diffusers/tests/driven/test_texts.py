"""Captions through a family's own text encoders, against the pipeline that diffusers itself loads from the same folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.signals import Text
from gcodec_diffusers.driven import DrivenDenoiser
from gcodec_diffusers.layout import EMPTY_PROMPT
from gcodec_diffusers.prompt_files import flat, whole
from gcodec_diffusers.prompts import save_empty_prompt
from gcodec_diffusers.tiny_texts import add_t5

pytestmark = [
    pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed"),
    # Deprecations within transformers and diffusers are theirs.
    pytest.mark.filterwarnings("default"),
]

Folder = Callable[[str], Path]
Opened = Callable[..., DrivenDenoiser]
SIZE = Size(32, 48)


@pytest.mark.parametrize("name", ["AuraFlowPipeline", "ChromaPipeline", "PixArtSigmaPipeline"])
def test_a_caption_is_what_the_published_pipeline_makes_of_it(
    folder: Folder, opened: Opened, tmp_path: Path, name: str
) -> None:
    from diffusers import DiffusionPipeline

    path = add_t5(shutil.copytree(folder(name), tmp_path / "model"))
    denoiser = opened(path)
    assert "text" in denoiser.sees
    theirs = DiffusionPipeline.from_pretrained(path, local_files_only=True, low_cpu_mem_usage=False)
    with torch.no_grad():
        due = theirs.encode_prompt("a red ball", do_classifier_free_guidance=False, device="cpu")
    (found,) = denoiser.encoded("a red ball")
    for ours, other in zip(found, due, strict=True):
        if other is None:
            assert ours is None
        else:
            torch.testing.assert_close(ours, other)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 4, 4, 6))).float()
    answers = [
        denoiser.x0(x, 1.0, 1.0, denoiser.condition(signals, SIZE))
        for signals in ({}, {"text": Text("a red ball")}, {"text": Text("a blue one")})
    ]
    assert float((answers[0] - answers[1]).abs().max()) > 1e-6
    assert float((answers[1] - answers[2]).abs().max()) > 1e-6
    # Stored, it is what is said of no caption, without any text encoder.
    assert save_empty_prompt(ModelStore().find(str(path))) == path / EMPTY_PROMPT
    for part in ("text_encoder", "tokenizer"):
        shutil.rmtree(path / part)
    stored = opened(path)
    torch.testing.assert_close(stored.x0(x, 1.0, 1.0, stored.condition({}, SIZE)), answers[0])


def test_a_prompt_of_any_nesting_comes_back() -> None:
    value = (
        [torch.ones(2, 3), None],
        {"a": (1, "b", 2.5, True)},
        torch.zeros(1, dtype=torch.bool),
        [],
    )
    back = whole(flat((value,), "p."), "p.")[0]
    assert torch.equal(back[0][0], value[0][0]) and back[0][1] is None
    assert back[1] == value[1] and back[2].dtype == torch.bool and back[3] == []
    assert isinstance(back, tuple) and isinstance(back[0], list)
