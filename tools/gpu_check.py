"""Hold another device against the CPU: ``python tools/gpu_check.py --device cuda [--side 512] [--seconds 330] > out.md``

For whoever has a GPU for six minutes. Prints Markdown: the conformance set on the device; then, for the embeddings of `base`
that run networks, the channels of `diffc` and tiny folders of published families, seconds on both, whether a file made on
either has the same symbols on both, and how far apart the pictures are; then, for reconstructors that make several pictures
at once, seconds of each picture alone and among eight on the device, and how far apart these are. After --seconds no further
row is begun. Status 1 where symbols differ, a picture is more than two steps of 8 bits from the CPU's or from itself alone,
or a row failed. Families other than SDXL and FLUX.1 are tried where gcodec-diffusers[text] is installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "spec" / "conformance"))

#: Embedding, its options, bits per pixel, reconstructor and its options.
BASE: list[tuple[str, dict[str, Any], float, str, dict[str, Any]]] = [
    ("ntc", {}, 0.3, "flow", {"steps": 2}),
    ("ntc", {}, 0.1, "one_step", {}),
    ("ldm_quant", {}, 0.3, "relic", {"steps": 2}),
    ("rate_variable", {}, 0.3, "rate_variable", {}),
    ("perco", {}, 0.02, "perco", {"steps": 4}),
    ("tokens", {}, 0.05, "one_step", {}),
    ("diffc", {"channel": "trellis:memory=12"}, 0.1, "ode", {"steps": 2}),
    ("diffc", {"channel": "chunked"}, 0.03, "mse", {}),
    ("ddcm", {}, 0.05, "mse", {}),
    ("uqdm", {}, 0.5, "preview", {}),
]
#: Reconstructors that make several pictures at once, each with an embedding that leads to it.
TOGETHER = [
    ("ntc", "bridge", {}),
    ("ntc", "flow", {"steps": 2}),
    ("ntc", "latent_flow", {"steps": 2}),
    ("ldm_quant", "cdc", {"steps": 2}),
    ("ldm_quant", "relic", {"steps": 2}),
]
EIGHT = 8
#: Those that are made without transformers, and those that are asked by diffusers' own call.
KNOWN = ("sdxl", "flux")
DRIVEN = (
    "ZImagePipeline",
    "Flux2KleinPipeline",
    "QwenImagePipeline",
    "SanaPipeline",
    "Kandinsky3Pipeline",
)


#: Side of the picture for the chunked channel, whose time goes with the picture's size at any rate.
SMALL = 128
#: Steps of 8 bits that a device's picture may be off by, before rounding.
ALLOWED = 2.0


class Row(NamedTuple):
    """What was found of a file; seconds are (CPU, device)."""

    what: str
    encode: tuple[float, float]
    decode: tuple[float, float]
    same: bool
    off: float


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call returns, and its seconds the second time, when everything is open."""
    call()
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def compared(sessions: list[Any], runs: list[Any], picture: Any, case: Any, model: str) -> Row:
    """Encode and decode on both devices; each file is read by both."""
    import numpy as np

    import gcodec

    embedding, options, bpp, recon, how = case
    if options.get("channel") == "chunked":
        picture = gcodec.Picture(picture.pixels[:, :SMALL, :SMALL].copy())
    wanted = {"target": gcodec.Target(bpp=bpp), "options": options}
    told = {"model": model} if model else {}
    files, pictures, encode, decode = [], [], [], []
    for session in sessions:
        (made,), seconds = timed(lambda s=session: s.encode([picture], embedding, **told, **wanted))
        files.append(made.data)
        encode.append(seconds)
    for session in sessions:
        (found,), seconds = timed(
            lambda s=session: s.decode([files[1]], recon, options=how, **told)
        )
        pictures.append(found.picture.pixels)
        decode.append(seconds)
    symbols = [[gcodec.verify(data, run=run)["symbols"] for run in runs] for data in files]
    same = all(len(set(each)) == 1 for each in symbols)
    off = float(np.abs(pictures[0] - pictures[1]).max()) * 255
    name = f"{embedding} {options.get('channel', '')}".strip()
    where = f" by {Path(model).name}" if model else ""
    return Row(f"{name} -> {recon}{where}", tuple(encode), tuple(decode), same, off)


def cases(place: Path) -> Iterator[tuple[Any, str]]:
    """Of `base`, then tiny folders."""
    for case in BASE:
        yield case, ""
    from gcodec_diffusers.tiny import make
    from gcodec_diffusers.tiny_families import make_family

    for name in KNOWN:
        yield ("diffc", {}, 0.02, "ode", {"steps": 2}), str(make(name, place / name))
    for name in DRIVEN if find_spec("transformers") else ():
        yield ("diffc", {}, 0.02, "ode", {"steps": 2}), str(make_family(name, place / name))


def together(device: str, pixels: Any, case: Any) -> tuple[float, float, float]:
    """Seconds of a picture alone, and of one of eight, on a device; how far apart they are in steps of 8 bits."""
    import numpy as np

    import gcodec

    embedding, recon, how = case
    shifts = [np.roll(pixels, 16 * n, axis=2) for n in range(EIGHT)]
    with gcodec.Session(device=device) as session:
        target = gcodec.Target(bpp=0.3)
        made = session.encode([gcodec.Picture(p) for p in shifts], embedding, target=target)
        files: list[Any] = [one.data for one in made]
        alone, one = timed(lambda: session.decode(files, recon, options=how))
        at_once, eight = timed(lambda: session.decode(files, recon, options=how, together=EIGHT))
    off = max(
        float(np.abs(a.picture.pixels - b.picture.pixels).max())
        for a, b in zip(alone, at_once, strict=True)
    )
    return one / EIGHT, eight / EIGHT, 255 * off


def main() -> None:
    """Print the tables; exit with status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=330.0)
    parser.add_argument("--rows", type=int, default=100, help="at most so many of the second table")
    given = parser.parse_args()
    end = time.monotonic() + given.seconds
    import torch
    from check import check

    import gcodec
    from gcodec.errors import GcodecError
    from gcodec.models import ModelStore

    cuda = torch.device(given.device).type == "cuda"
    name = torch.cuda.get_device_name(given.device) if cuda else given.device
    print(f"torch {torch.__version__}, {name}, {given.side}x{given.side}\n")
    start, rows = time.monotonic(), check(given.device)
    wrong = [row.what for row in rows if row.result == "WRONG"]
    counts = ", ".join(
        f"{sum(row.result == result for row in rows)} {result}"
        for result in ("exact", "within", "absent", "WRONG")
    )
    print(f"Conformance set: {counts}; {time.monotonic() - start:.0f} s. {' '.join(wrong)}\n")
    photo = gcodec.load_image(ROOT / "tests" / "images" / "kodim23.png").pixels
    picture = gcodec.Picture(photo[:, : given.side, : given.side].copy())
    print(
        "| | encode, CPU | device | decode, CPU | device | symbols | off by |\n|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as place:
        for case, model in list(cases(Path(place)))[: given.rows]:
            if time.monotonic() > end:
                print(f"\nStopped after {given.seconds:.0f} s.")
                break
            folders = [Path(model)] if model else []
            store = ModelStore.installed(folders)
            runs = {
                d: gcodec.Run(device=d, models=store) for d in dict.fromkeys(("cpu", given.device))
            }
            with (
                gcodec.Session(models=folders) as one,
                gcodec.Session(device=given.device, models=folders) as two,
            ):
                try:
                    row = compared([one, two], list(runs.values()), picture, case, model)
                except GcodecError as error:
                    wrong.append(case[0])
                    print(f"| {case[0]} {Path(model).name} | {error} |", flush=True)
                    continue
            if not row.same or row.off > ALLOWED:
                wrong.append(row.what)
            seconds = " | ".join(f"{s:.2f} s" for s in (*row.encode, *row.decode))
            symbols = "same" if row.same else "OTHERS"
            print(f"| {row.what} | {seconds} | {symbols} | {row.off:.2f} |", flush=True)
    print("\n| | alone | of eight together | off by |\n|---|---|---|---|")
    for case in TOGETHER[: given.rows]:
        if time.monotonic() > end:
            print(f"\nStopped after {given.seconds:.0f} s.")
            break
        name = f"{case[0]} -> {case[1]}"
        try:
            alone, eight, off = together(given.device, picture.pixels, case)
        except GcodecError as error:
            wrong.append(name)
            print(f"| {name} | {error} |", flush=True)
            continue
        if off > ALLOWED:
            wrong.append(name)
        print(f"| {name} | {alone:.3f} s | {eight:.3f} s | {off:.2f} |", flush=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
