"""Latents of `base` under `base/ldm`, and under what was coded before alone: bytes at every other tenth of quality.

    python plugins/ldm/benchmarks/adaptive.py FOLDER [--limit N]

Sums over the photographs; of the adaptive coder also as a share of the best code of each channel by itself, which knows the
file's own frequencies for nothing; and processor time for one photograph, both ways.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from gcodec.models import ModelStore
from gcodec.models.networks import open_space
from gcodec.pictures import load_image
from gcodec.run import Run
from gcodec_ldm.scalar.adaptive import AdaptiveCodec
from gcodec_ldm.scalar.codec import Codec
from gcodec_ldm.scalar.scale import CODES, width_of
from gcodec_train.photos import photographs


def order_0(latent: np.ndarray, width: float) -> float:
    """Bytes of the best code of each channel by itself."""
    total = 0.0
    for channel in np.rint(latent / width):
        _, counts = np.unique(channel, return_counts=True)
        total -= float((counts * np.log2(counts / channel.size)).sum()) / 8
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    store, run = ModelStore.installed(), Run()
    model = store.find("base/ldm")
    trained = Codec(model.config, model.tensors(), False, "ldm_quant")
    space = open_space(store.find("base/autoencoder"), run)
    counting = AdaptiveCodec(space.channels, "ldm_quant")
    paths = photographs(arguments.photos)[: arguments.limit]
    latents = [space.encode(load_image(path.read_bytes()).pixels) for path in paths]
    print("quality  trained  adaptive  ratio  of order 0  encode, s  decode, s")
    for tenth in range(0, 11, 2):
        code = round(tenth / 10 * 255) * ((CODES - 1) // 255)
        first = sum(len(trained.encode(latent, code)) for latent in latents)
        begun = time.process_time()
        streams = [counting.encode(latent, code) for latent in latents]
        made = time.process_time()
        for latent, stream in zip(latents, streams, strict=True):
            counting.read(stream, code, *latent.shape[1:])
        read = time.process_time()
        second = sum(map(len, streams))
        best = sum(order_0(latent, width_of(code)) for latent in latents)
        print(
            f"{tenth / 10:7.1f} {first:8d} {second:9d} {second / first:6.3f} {second / best:11.3f}"
            f" {(made - begun) / len(latents):10.2f} {(read - made) / len(latents):10.2f}"
        )


if __name__ == "__main__":
    main()
