"""Common randomness: the same numbers in encoder and decoder, on every device, for ever. See spec/RANDOMNESS.md.

    r = Randomness(seed=1)
    z = r.normal(Domain.INITIAL_NOISE, 0, 0, (3, 64, 64))              # NumPy, float32
    z = r.on("cuda").normal(Domain.INITIAL_NOISE, 0, 0, (3, 64, 64))   # torch, the same bits

Every number has an address: seed, domain, a, b and its place in that row. So any row, or part of one, can be made
alone, in any order. Importing this package imports neither NumPy nor torch; torch is loaded by `Randomness.on`.

`python -m gcodec.randomness` checks that this machine makes the numbers that the specification pins.
"""

from gcodec.randomness._domains import FIRST_PRIVATE, Domain
from gcodec.randomness._randomness import Randomness

__all__ = ["FIRST_PRIVATE", "Domain", "Randomness"]
