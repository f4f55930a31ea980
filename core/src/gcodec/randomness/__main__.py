"""Print the SHA-256 of a million normals from every back end that this machine has; exit status 1 if one is wrong.

The stream: seed 1, domain INITIAL_NOISE, a = b = 0, elements 0, ..., 999,999 as little-endian float32.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from gcodec.randomness import Domain, Randomness

EXPECTED = "95ca3c9c6696d68a4b4005d0f3b5a57acb2e38418002f75a978a8dc4f90411b1"
_COUNT = 1_000_000


def digest(normals: NDArray[np.float32]) -> str:
    """SHA-256 over the values as little-endian float32, in C order."""
    return hashlib.sha256(normals.astype("<f4", copy=False).tobytes()).hexdigest()


def digests() -> Iterator[tuple[str, str]]:
    """Back end and digest, one by one."""
    randomness = Randomness(1)
    yield "numpy", digest(randomness.normal(Domain.INITIAL_NOISE, 0, 0, _COUNT))
    if not find_spec("torch"):
        return
    import torch

    from gcodec.randomness import _rows, _torch

    asked = _rows.request("normal", 1, Domain.INITIAL_NOISE, 0, 0, _COUNT, 0)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        # Torch's own operations, which `on("cpu")` leaves to NumPy.
        normals = _torch.compute(asked, torch.device("cpu"))
        yield f"torch cpu, threads: {threads}", digest(normals.numpy())
    devices = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    for device in (name for name, there in devices.items() if there):
        normals = randomness.on(device).normal(Domain.INITIAL_NOISE, 0, 0, _COUNT)
        yield f"torch {device}", digest(normals.cpu().numpy())


def main() -> int:
    """Print a line for each back end; returns the exit status."""
    wrong = 0
    for name, found in digests():
        wrong += found != EXPECTED
        print(f"{found}  {name}{'' if found == EXPECTED else '  WRONG'}")
    if wrong:
        print(f"expected {EXPECTED}; see spec/RANDOMNESS.md", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
