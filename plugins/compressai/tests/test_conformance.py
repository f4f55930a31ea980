"""gcodec's kit of tests on the embedding, with a model of three rates, as another distribution offers it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from compressai_models import process

from gcodec.models import folder_digest
from gcodec_compressai.convert import write_folder
from gcodec_compressai.library import class_of

#: Cosine transforms of 4 x 4 blocks, coded under CompressAI's factorized density: no training is needed for a sound codec.
CODEC = """
from compressai.entropy_models import EntropyBottleneck
from compressai.models import CompressionModel
from torch import nn


class Cosines(CompressionModel):
    downsampling_factor = 4

    def __init__(self):
        super().__init__()
        self.entropy_bottleneck = EntropyBottleneck(48)
        self.analysis = nn.Conv2d(3, 48, 4, stride=4, bias=False)
        self.synthesis = nn.ConvTranspose2d(48, 3, 4, stride=4, bias=False)

    def compress(self, x):
        y = self.analysis(x)
        return {"strings": [self.entropy_bottleneck.compress(y)], "shape": y.size()[-2:]}

    def decompress(self, strings, shape):
        y = self.entropy_bottleneck.decompress(strings[0], shape)
        return {"x_hat": self.synthesis(y).clamp_(0, 1)}
"""

#: The same implementation with a model, and without the second process at each of a hundred encodings.
PLUGIN = """
from dataclasses import replace

from gcodec.plugin import ModelSpec, hookimpl
from gcodec_compressai.plugin import gcodec_embeddings as ours

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_models():
    return [ModelSpec("kit/ladder", "{digest}", "kit_models:ladder", "for tests", "none")]


@hookimpl
def gcodec_embeddings():
    (spec,) = ours()
    options = (*spec.options[:2], replace(spec.options[2], default=False))
    return [replace(spec, name="kit/ladder", id=None, model="kit/ladder", finder=None, options=options)]
"""

#: The last digits of the pixels depend on threads.
SUITE = """
from gcodec.testing import EmbeddingConformance


class TestLadder(EmbeddingConformance):
    name = "kit/ladder"
    signal_tolerance = 1 / 255
"""


def checkpoint(folder: Path, bins: float) -> Path:
    """Bin widths of 1 / `bins`."""
    n = torch.arange(4)
    rows = torch.cos(math.pi / 4 * (n + 0.5) * n[:, None]) * math.sqrt(1 / 2)
    rows[0] /= math.sqrt(2)
    basis = torch.zeros(3, 16, 3, 4, 4)
    for colour in range(3):
        basis[colour, :, colour] = torch.einsum("ay,bx->abyx", rows, rows).flatten(0, 1)
    net = class_of("kit_codec:Cosines", "a test")()
    net.analysis.weight.data = bins * basis.flatten(0, 1)
    net.synthesis.weight.data = basis.flatten(0, 1) / bins
    path = folder / f"{bins:g}.pth"
    torch.save(net.state_dict(), path)
    return path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the distribution `gcodec-kit` is installed."""
    place = tmp_path / "site"
    folder = place / "kit_models" / "ladder"
    folder.parent.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("")
    (place / "kit_codec.py").write_text(CODEC)
    monkeypatch.syspath_prepend(place)
    paths = [checkpoint(tmp_path, bins) for bins in (4, 16, 64)]
    write_folder(paths, folder, "ladder", "kit_codec:Cosines")
    (place / "kit_plugin.py").write_text(PLUGIN.format(digest=folder_digest(folder)))
    info = place / "gcodec_kit-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gcodec-kit\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gcodec]\nkit = kit_plugin\n")
    return place


def test_everything_that_the_kit_asks(site: Path, tmp_path: Path) -> None:
    """In a process of its own, where that distribution is installed."""
    suite = tmp_path / "test_kit.py"
    suite.write_text(SUITE)
    apart = ("-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", tmp_path)
    done = process("pytest", "-q", *apart, suite)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
