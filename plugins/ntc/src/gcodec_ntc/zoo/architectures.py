"""The families that are read, as values: what differs between them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ARCHITECTURES", "CLASS", "Architecture"]

#: `_class_name` of the model folders.
CLASS = "CompressAIModel"


@dataclass(frozen=True)
class Architecture:
    """One family of the zoo.

    normalized  GDN between convolutions (Balle et al. 2017); otherwise ReLU.
    hyper       latents y under Gaussians whose scales hyper-latents z tell (Balle et al. 2018); otherwise y itself is
                under the factorized density of its channel.
    means       hyper-latents tell means too (Minnen et al. 2018).
    """

    name: str
    normalized: bool = True
    hyper: bool = True
    means: bool = False

    @property
    def factor(self) -> int:
        """Pictures are padded to multiples of so many pixels a side."""
        return 64 if self.hyper else 16


ARCHITECTURES = {
    each.name: each
    for each in (
        Architecture("bmshj2018-factorized", hyper=False),
        Architecture("bmshj2018-factorized-relu", normalized=False, hyper=False),
        Architecture("bmshj2018-hyperprior"),
        Architecture("mbt2018-mean", means=True),
    )
}
