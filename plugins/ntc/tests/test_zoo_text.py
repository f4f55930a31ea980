"""spec/embeddings/ntc_zoo.md by a reader that knows the texts alone, and by the product, on the vectors of small models."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gcodec.entropy import Decoder
from gcodec_ntc.zoo.architectures import ARCHITECTURES
from gcodec_ntc.zoo.prior import STEPS, Prior

sys.path.append(str(Path(__file__).parent))

from text_zoo import ROOT, read

FOLDER = ROOT / "spec" / "vectors" / "zoo"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
pytestmark = pytest.mark.skipif(not NAMES, reason="spec/ is not part of this copy")


def load(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    vector = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    tensors = {
        at: np.array(values, np.int16 if at.endswith(".weight") else np.int32)
        for at, values in vector["tensors"].items()
    }
    return vector, tensors


@pytest.mark.parametrize("name", NAMES)
def test_by_the_text(name):
    vector, tensors = load(name)
    z, y = read(vector, tensors, vector["level"], bytes.fromhex(vector["stream"]))
    assert ([] if z is None else z.tolist()) == vector["hyper_symbols"]
    assert y.tolist() == vector["latents"]


@pytest.mark.parametrize("name", NAMES)
def test_by_the_product(name):
    vector, tensors = load(name)
    which, level = ARCHITECTURES[vector["architecture"]], vector["level"]
    prior = Prior(which, vector["N"], vector["M"], tensors)
    decoder = Decoder(prior.tables(level), bytes.fromhex(vector["stream"]), "test")
    sides = (vector["height"], vector["width"])
    h, w = (-(-side // which.factor) * (which.factor // 16) for side in sides)
    told = None
    if which.hyper:
        z = decoder.get(prior.hyper_index(h // 4, w // 4))
        assert z.tolist() == vector["hyper_symbols"]
        told = prior.told(z)
    y = prior.latents(level, told, h, w, lambda where, mean, index: decoder.get(index))
    decoder.finish()
    assert y.tolist() == vector["latents"]


def test_bin_widths_of_the_text():
    exact = [2**12 * 8 ** ((128 - level) / 128) for level in range(257)]
    assert STEPS.tolist() == [round(width) for width in exact]
    nearest = min(abs(width % 1 - 0.5) for width in exact)
    assert nearest > 1e-4
    assert (STEPS[0], STEPS[128], STEPS[256]) == (32768, 4096, 512)
