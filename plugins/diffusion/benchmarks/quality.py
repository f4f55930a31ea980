"""PSNR and LPIPS of every reconstructor of gcodec-diffusion under its options, on signals made from photographs.

    GCODEC_METRICS=LPIPS python plugins/diffusion/benchmarks/quality.py PHOTO... [--side 256] [--only relic,hfd]

Signals: previews of `ntc`, latents quantized in bins of three widths, tokens, a sketch. Means over the photographs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.builtin.edges import edge_strength
from gcodec.interfaces import Reconstructor, Setup, Size
from gcodec.models.networks import open_codebook, open_space
from gcodec.options import check_options
from gcodec.pictures import load_image, psnr
from gcodec.pipeline.stage1 import build
from gcodec.pipeline.stage2 import checked
from gcodec.registry import load_object, registry
from gcodec.run import Run
from gcodec.signals import Latent, Preview, Signal, Sketch, Tokens, by_type
from gcodec_eval.metrics import lpips

Array = NDArray[np.float32]
Settings = list[tuple[str, dict[str, Any]]]

#: name -> (kinds of signals that it is tried on, its settings)
TRIED: dict[str, tuple[tuple[str, ...], list[dict[str, Any]]]] = {
    "cdc": (
        ("latent",),
        [
            {},
            {"gamma": 1.0},
            {"gamma": 0.5},
            {"gamma": 0.0},
            {"schedule": "linear"},
            {"steps": 3},
            {"steps": 17},
        ],
    ),
    "hfd": (
        ("preview",),
        [
            {},
            {"shift": 1.0},
            {"shift": 0.25},
            {"shift": 2.0},
            {"eta": 0.0},
            {"steps": 4},
            {"steps": 16},
        ],
    ),
    "perco": (
        ("tokens",),
        [{}, {"guidance": 1.0}, {"guidance": 2.0}, {"guidance": 3.0}, {"steps": 4}, {"steps": 20}],
    ),
    "controlnet": (("sketch",), [{}, {"guidance": 1.0}, {"guidance": 3.0}]),
    "relic": (
        ("latent",),
        [{}, {"steps": 1}, {"steps": 8}, {"time": 0.1}, {"time": 0.2}, {"time": 0.4}],
    ),
    "rate_variable": (
        ("latent",),
        [
            {},
            {"steps": 1},
            {"steps": 3},
            {"ratio": 0.1},
            {"ratio": 0.5},
            {"beta": 0.0},
            {"beta": 0.2},
        ],
    ),
    "latent_flow": (("preview", "latent", "tokens", "sketch"), [{}]),
    "flow": (("preview",), [{"steps": 1}, {"steps": 2}, {}]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--only", default=",".join(TRIED))
    parser.add_argument("--add", default="", help="more reconstructors of previews")
    arguments = parser.parse_args()
    tried = {name: TRIED[name] for name in arguments.only.split(",") if name}
    tried |= {
        name: (("preview",), [{"steps": k} for k in (1, 2, 4)])
        for name in arguments.add.split(",")
        if name
    }
    pictures = [centre(load_image(p).pixels, arguments.side) for p in arguments.photos]
    given = [list(signals(pixels)) for pixels in pictures]
    for label, _, preview in given[0]:
        del preview
        shown = [
            (pixels, found[2].pixels)
            for pixels, some in zip(pictures, given, strict=True)
            for found in some
            if found[0] == label and found[2] is not None
        ]
        if shown:
            print(f"{'-':12} {label:14} {'':28} {row(shown)}")
    for name, (kinds, settings) in tried.items():
        for options in settings:
            reconstructor = made(name, options)
            for k, (label, signal, _) in enumerate(given[0]):
                if signal.kind not in kinds:
                    continue
                pairs = [
                    (
                        pixels,
                        reconstructor.reconstruct(by_type([some[k][1]]), Size(*pixels.shape[1:])),
                    )
                    for pixels, some in zip(pictures, given, strict=True)
                ]
                said = " ".join(f"{key}={value}" for key, value in options.items())
                print(f"{name:12} {label:14} {said:28} {row(pairs)}", flush=True)


def centre(pixels: Array, side: int) -> Array:
    top, left = ((length - side) // 2 for length in pixels.shape[1:])
    return np.ascontiguousarray(pixels[:, top : top + side, left : left + side])


def signals(pixels: Array) -> Iterator[tuple[str, Signal, Preview | None]]:
    """(label, signal, preview) of one picture."""
    run = Run()
    spec = registry().embedding("ntc")
    weights = run.models.find(spec.model) if spec.model else None
    ntc = build(spec, Setup(run, check_options(spec.name, spec.options, {}), weights))
    analysis, size = ntc.analyse(pixels), Size(*pixels.shape[1:])
    for quality in (0.1, 0.3):
        (preview,) = ntc.decode(ntc.encode(analysis, quality), size)
        assert isinstance(preview, Preview)
        yield f"ntc {quality}", preview, preview
    space = open_space(run.models.find("base/autoencoder"), run)
    latent = space.encode(pixels)
    for step in (0.5, 1.0, 2.0):
        values = (np.rint(latent / step) * step).astype(np.float32)
        shown = Preview(space.decode(values, size), 0.0)
        yield f"latent {step}", Latent(values, space.name, step), shown
    for model in ("base/codebook16", "base/codebook32"):
        book = open_codebook(run.models.find(model), run)
        yield book.name, Tokens(book.quantize(latent), book.name), None
    yield "sketch", Sketch(edge_strength(pixels)), None


def made(name: str, options: Mapping[str, Any]) -> Reconstructor:
    spec, run = registry().reconstructor(name), Run()
    setup = Setup(run, checked(spec, options).options, run.models.find(spec.model or ""))
    reconstructor: Reconstructor = load_object(name, spec.implementation)(setup)
    return reconstructor


def row(pairs: list[tuple[Array, Array]]) -> str:
    return f"{np.mean([psnr(x, y) for x, y in pairs]):6.2f} {np.mean([lpips(x, y) for x, y in pairs]):.4f}"


if __name__ == "__main__":
    main()
