"""The reconstructor `latent_flow`: flow matching in a latent space, given whatever stage 1 knows.

x_t = (1 - t) x_0 + t eps is the rectified flow of the review (eqs. 9 and 10, with alpha_t = 1 - t and sigma_t = t);
the denoiser's x0-hat gives its velocity v = (x_t - x0-hat) / t, and the end point of the ODE from eps is a sample of
P_{X|Y} for any Y that the denoiser can be conditioned on.
"""

from __future__ import annotations

from gcodec.diffusion.latents import FromNoise

__all__ = ["LatentFlow"]


class LatentFlow(FromNoise):
    """A sample of P_{X|Y}: the probability-flow ODE from noise, conditioned on all signals."""

    name = "latent_flow"
