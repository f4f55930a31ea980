"""What --memory says reaches the sender and the receiver, and tells results apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gcodec
from gcodec.pipeline.ratecontrol import Target
from gcodec.plugin import EmbeddingSpec, ReconstructorSpec, hookimpl
from gcodec.signals import Preview, Signal
from gcodec_eval import Method, Request, _workers, evaluate

LEVELS = ("plenty", "low", "least")


class Frugal(gcodec.Embedding):
    """Sends how much memory there was, and nothing of the picture."""

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        return (bytes([LEVELS.index(self.setup.run.memory)]),)

    def decode(self, layers: Sequence[bytes], size: gcodec.Size) -> tuple[Signal, ...]:
        return (Preview(np.full((3, *size), layers[0][0] / 10, np.float32), 0.1),)


class Telling(gcodec.Reconstructor):
    """Adds how much there is."""

    def reconstruct(self, signals: Mapping[str, Signal], size: gcodec.Size) -> Any:
        preview = signals["preview"]
        assert isinstance(preview, Preview)
        return preview.pixels + np.float32(LEVELS.index(self.setup.run.memory) / 100)


class Plugin:
    GCODEC_INTERFACE = 1

    @hookimpl
    def gcodec_embeddings(self) -> list[EmbeddingSpec]:
        return [EmbeddingSpec("test/frugal", "s", f"{__name__}:Frugal", ("preview",), "A")]

    @hookimpl
    def gcodec_reconstructors(self) -> list[ReconstructorSpec]:
        return [ReconstructorSpec("test/telling", "s", f"{__name__}:Telling", (("preview",),))]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.new("RGB", (16, 16)).save(path)
    return path


@pytest.mark.parametrize("memory", LEVELS)
def test_sender_and_receiver_are_told(picture: Path, memory: str) -> None:
    common = {"options": {}, "device": "cpu", "memory": memory, "models": ()}
    with gcodec.register(Plugin()):
        sent = _workers.encode_file(
            _workers.Encode(
                image=str(picture),
                embedding="test/frugal",
                target=Target(quality=0.5),
                seed=0,
                folder=str(picture.parent),
                file="a.gcx",
                **common,
            )
        )
        assert "error" not in sent
        data = (picture.parent / "a.gcx").read_bytes()
        received = _workers.decode_file(
            _workers.Decode(data, "test/telling", dtype="float32", via=None, **common)
        )
        (picture.parent / "b.png").write_bytes(received["png"])
        level = LEVELS.index(memory)
        with Image.open(picture.parent / "b.png") as made:
            value, *_ = made.convert("RGB").getpixel((0, 0))
        assert abs(value / 255 - (level / 10 + level / 100)) < 1 / 255


def test_results_of_another_memory_are_other_results(picture: Path, tmp_path: Path) -> None:
    lines = []
    for memory in ("plenty", "low", "plenty"):
        request = Request(
            images=(picture,),
            embeddings=(Method("webp"),),
            reconstructors=(Method("preview"),),
            targets=(Target(quality=0.5),),
            metrics=("psnr",),
            jobs=1,
            memory=memory,
        )
        found = evaluate(request, tmp_path / "out", force=True)
        assert found.conditions["memory"] == memory
        journal = (tmp_path / "out" / "journal.jsonl").read_text().splitlines()
        lines.append(sum(json.loads(line) is not None for line in journal))
    assert lines[0] < lines[1] == lines[2]
