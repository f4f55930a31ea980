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
    hyper       latents y under Gaussians whose deviations hyper-latents z tell (Balle et al. 2018); otherwise y itself is
                under the factorized density of its channel.
    means       hyper-latents tell means too (Minnen et al. 2018).
    context     means and deviations follow from the latents before as well (Minnen et al. 2018, section 3.1).
    residual    transforms of residual blocks with 3x3 kernels (Cheng et al. 2020).
    attention   with attention in two places (Cheng et al. 2020, section 3.4).
    """

    name: str
    normalized: bool = True
    hyper: bool = True
    means: bool = False
    context: bool = False
    residual: bool = False
    attention: bool = False

    @property
    def factor(self) -> int:
        """Pictures are padded to multiples of so many pixels a side."""
        return 64 if self.hyper else 16

    @property
    def reach(self) -> int:
        """Latent positions beyond which nothing has influence in the transforms, at most.

        With 5x5 kernels a latent sees 30 pixels a side (2 + 4 + 8 + 16); three residual units of attention see three
        positions, a residual block two, and each of it half as far at twice the resolution.
        """
        return 12 if self.residual else 2


ARCHITECTURES = {
    each.name: each
    for each in (
        Architecture("bmshj2018-factorized", hyper=False),
        Architecture("bmshj2018-factorized-relu", normalized=False, hyper=False),
        Architecture("bmshj2018-hyperprior"),
        Architecture("mbt2018-mean", means=True),
        Architecture("mbt2018", means=True, context=True),
        Architecture("cheng2020-anchor", means=True, context=True, residual=True),
        Architecture("cheng2020-attn", means=True, context=True, residual=True, attention=True),
    )
}
