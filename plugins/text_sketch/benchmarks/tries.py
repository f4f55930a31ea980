"""What trying several files is worth: photographs at few bytes, the best of 1, 4 and 16 by one metric, measured by all.

    python plugins/text_sketch/benchmarks/tries.py captions.json photos/*.png --judge latent_flow:steps=4 --metric lpips

captions.json holds {file name: caption}. Photographs are taken at half their width and height. Prints a table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

import gcodec
import gcodec_formats as gcx
from gcodec.errors import MetricUnavailable
from gcodec.options import read_settings
from gcodec.pipeline.mixing import measured
from gcodec.plugin import MetricSpec
from gcodec.registry import registry
from gcodec_formats import registry as numbers

METRICS = ("lpips", "dists", "ms_ssim", "psnr")
TRIES = (1, 4, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("captions", type=Path)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--bytes", type=int, nargs="+", default=[60, 100])
    parser.add_argument("--judge", default="latent_flow:steps=4")
    parser.add_argument("--metric", default="lpips")
    asked = parser.parse_args()
    captions = json.loads(asked.captions.read_text("utf-8"))
    judge, *words = asked.judge.split(":")
    settings = read_settings(judge, registry().reconstructor(judge).options, words)
    print("photo bytes tries file level seed", *METRICS)
    totals: dict[tuple[int, int], list[list[float]]] = {}
    with gcodec.Session() as session:
        for path in asked.photos:
            with Image.open(path) as image:
                small = image.convert("RGB").resize((image.width // 2, image.height // 2), 1)
            picture = gcodec.Picture.from_pil(small)
            for most in asked.bytes:
                for tries in TRIES:
                    made = session.encode(
                        picture,
                        "text_sketch",
                        target=gcodec.Target(bytes=most),
                        options={"text": captions[path.name]},
                        trials=gcodec.Trials(tries, judge, settings, asked.metric),
                    )
                    pixels = session.decode(made.data, judge, options=settings).picture.pixels
                    found = [_of(name, picture.pixels, pixels) for name in METRICS]
                    totals.setdefault((most, tries), []).append([len(made.data), *found])
                    seed = gcx.read(made.data).header.extensions.get(numbers.SEED, 0)
                    level = round(18 * made.quality)
                    print(
                        path.stem,
                        most,
                        tries,
                        len(made.data),
                        level,
                        seed,
                        *_text(found),
                        flush=True,
                    )
    for (most, tries), rows in totals.items():
        octets, *found = np.mean(rows, 0)
        print("mean", most, tries, f"{octets:.0f}", "", "", *_text(found))


def _of(name: str, original: np.ndarray, decoded: np.ndarray) -> float:
    try:
        return measured(registry().named(MetricSpec, name), original, decoded)
    except MetricUnavailable:
        return float("nan")


def _text(found: list[float]) -> list[str]:
    return [f"{value:.4f}" for value in found]


if __name__ == "__main__":
    main()
