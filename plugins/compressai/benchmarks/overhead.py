"""What the embedding adds to CompressAI: bytes to the strings, processor time to `compress` and `decompress`.

    python plugins/compressai/benchmarks/overhead.py [PICTURE]

Random weights in the sizes of the zoo, one thread, the best of several, both sides in turn. The sender decodes once to
measure the preview's error, so its time is held against `compress` and `decompress` of the library; the second process is
apart.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from gcodec.interfaces import Setup, Size
from gcodec.models import Model
from gcodec.pictures import load_image
from gcodec.run import Run

ROUNDS = 5
MODELS = {
    "bmshj2018-factorized": {"N": 128, "M": 192},
    "mbt2018-mean": {"N": 128, "M": 192},
    "elic2022-official": {"N": 64, "M": 192},
}
CONTAINER = 20


def best(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Least seconds of processor time of each call, made in turn."""
    found = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            before = time.process_time()
            call()
            found[name] = min(found[name], time.process_time() - before)
    return found


def row(name: str, arguments: dict[str, int], photo: Any, place: Path) -> str:
    """Measure one architecture."""
    import torch

    from gcodec_compressai.convert import write_folder
    from gcodec_compressai.embedding import CompressAI
    from gcodec_compressai.library import architectures

    torch.manual_seed(0)
    made = architectures()[name](**arguments)
    state = made.state_dict()
    # Random latents are next to nothing: these are of a few steps.
    last = next(k for k in reversed(state) if k.startswith("g_a.") and k.endswith("weight"))
    state[last] *= 100
    path, folder = place / f"{name}.pth", place / name
    torch.save(state, path)
    write_folder([path], folder, name, name, arguments)
    model, size = Model(name, name, folder), Size(*photo.shape[1:])
    embedding = CompressAI(Setup(Run(), {"check": False}, model))
    turned = np.ascontiguousarray(photo[:, ::-1])
    layers, others = (embedding.encode(embedding.analyse(x), 0.5) for x in (photo, turned))
    assert layers != others
    net = embedding._network(0).net
    x = torch.from_numpy(photo.copy())[None]
    with torch.inference_mode():
        coded = net.compress(x)
        own = best(
            {
                "compress": lambda: net.compress(x),
                "decompress": lambda: net.decompress(coded["strings"], coded["shape"]),
                "encode": lambda: embedding.encode(embedding.analyse(photo), 0.5),
                "another": lambda: embedding.decode(others, size),  # what was decoded last is kept
                "decode": lambda: embedding.decode(layers, size),
            }
        )
    strings = sum(len(part) for group in coded["strings"] for part in group)
    encode = own["encode"] / (own["compress"] + own["decompress"])
    checked = CompressAI(Setup(Run(), {"check": True}, model))
    begun = time.perf_counter()
    checked.encode(checked.analyse(photo), 0.5)
    return (
        f"{name:21} {strings:7} +{len(layers[0]) + CONTAINER - strings:4}"
        f"  {encode:.3f}  {own['decode'] / own['decompress']:.3f}  {time.perf_counter() - begun:.1f}"
    )


def main(source: Path) -> None:
    """Print the table."""
    import torch

    torch.set_num_threads(1)
    photo = load_image(source).pixels[:, :512, :768].copy()
    print("model                 strings  file  encode  decode  checked, s")
    with TemporaryDirectory() as place:
        for name, arguments in MODELS.items():
            print(row(name, arguments, photo, Path(place)))


if __name__ == "__main__":
    if find_spec("compressai") is None:
        sys.exit("CompressAI is not installed")
    default = Path(__file__).parents[3] / "tests" / "images" / "kodim23.png"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
