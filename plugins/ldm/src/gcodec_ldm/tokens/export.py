"""From trained priors of tokens to the model folder that codes files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from gcodec.interfaces import Size
from gcodec.run import Run
from gcodec_ldm.tokens.codec import CLASS, Codec, Level, Priced
from gcodec_ldm.tokens.meaning import Codewords, Meaning
from gcodec_ldm.tokens.network import LevelNetwork
from gcodec_train import write_model

__all__ = ["export"]

#: Photographs that errors are measured on.
_JUDGED = 8


def export(
    networks: nn.ModuleDict,
    levels: Sequence[Level],
    codewords: Sequence[Codewords],
    pictures: Sequence[NDArray[np.uint8]],
    folder: Path,
) -> None:
    """Write the model folder: config.json names the codebooks, the weights of the priors are integers.

    networks  `LevelNetwork` of each level, "level0", ....
    pictures  uint8 [H, W, 3], on which is measured how far the latent is off where files end with a level.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for i, words in enumerate(codewords):
        network = networks[f"level{i}"]
        assert isinstance(network, LevelNetwork)
        tensors |= network.tensors(f"level{i}")
        tensors |= {f"codewords.{i}.{j}": array for j, array in enumerate(words)}
    config: dict[str, Any] = {"_class_name": CLASS, "levels": [asdict(level) for level in levels]}
    codec, meaning = Codec(config, tensors), Meaning(levels, codewords, Run())
    errors = [_errors(codec, meaning, picture) for picture in pictures[:_JUDGED]]
    config["error"] = np.sqrt(np.mean(errors, 0)).round(4).tolist()
    write_model(folder, config, tensors)


def _errors(codec: Codec, meaning: Meaning, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Squared error of the latent, [levels + 1, 2]: without tokens and behind each level; with holes, and completed."""
    size, run = Size(*picture.shape[:2]), Run()
    pixels = np.ascontiguousarray(picture.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)
    latent = meaning.space.encode(pixels)
    _, h, w = latent.shape
    priced = Priced(codec, meaning.tokens(latent), size)
    ends = np.cumsum([0, *codec.counts(size)])
    made = [
        [
            codec.decode(priced.encode(int(end), complete), size, run.randomness).maps
            for complete in (False, True)
        ]
        for end in ends
    ]
    return np.array(
        [
            [np.square(meaning.latent(maps, (h, w)) - latent).mean() for maps in pair]
            for pair in made
        ],
        np.float64,
    )
