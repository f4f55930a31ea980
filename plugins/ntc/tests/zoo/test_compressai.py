"""Against CompressAI itself, where it is installed: the same tensors, transforms, symbols, and no more bytes."""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from zoo_checkpoints import FAMILIES, sizes, state

from gcodec_ntc.zoo.codec import ZooCodec


@pytest.fixture(scope="module")
def models() -> Any:
    if find_spec("compressai") is None:
        pytest.skip("CompressAI is not installed")
    from gcodec.models import _torchvision_cpu

    _torchvision_cpu.install()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its dependencies say when they are imported
        return import_module("compressai.models")


CLASSES = (
    "FactorizedPrior",
    "FactorizedPriorReLU",
    "ScaleHyperprior",
    "MeanScaleHyperprior",
    "JointAutoregressiveHierarchicalPriors",
    "Cheng2020Anchor",
    "Cheng2020Attention",
)


@pytest.mark.parametrize("family", FAMILIES)
def test_compressai_reads_what_these_tests_read_and_codes_it_alike(
    models: Any, codec_of: Any, family: str, picture: np.ndarray
) -> None:
    arguments = sizes(family)
    if family.startswith("cheng"):
        del arguments["M"]
    theirs = getattr(models, CLASSES[FAMILIES.index(family)])(**arguments)
    assert theirs.state_dict().keys() == state(family).keys()
    theirs.load_state_dict(state(family))
    theirs.eval().update()
    ours: ZooCodec = codec_of(family)
    pixels = np.ascontiguousarray(picture[:, :64, :128])
    with torch.inference_mode():
        x = torch.from_numpy(pixels)[None]
        y = theirs.g_a(x)
        torch.testing.assert_close(ours._g_a(x), y)
        torch.testing.assert_close(ours._g_s(y), theirs.g_s(y))
        if ours.which.hyper:
            hyper = y if ours.which.means else y.abs()
            torch.testing.assert_close(ours._h_a(hyper), theirs.h_a(hyper))
        made = theirs.compress(x)
        strings = made["strings"]
        expected = theirs.decompress(strings, made["shape"])["x_hat"][0].numpy()
    payload = ours.encode(ours.analyse(pixels), 128)
    level, _, _, found = ours.read(payload, 64, 128)
    # A latent half way between two symbols may fall to the other side; none may differ otherwise.
    apart = np.abs(ours.synthesise(found, level, 64, 128) - expected)
    assert np.median(apart) < 1e-3 and apart.mean() < 0.01
    assert len(payload) < 1.01 * sum(len(part[0]) for part in strings) + 16
