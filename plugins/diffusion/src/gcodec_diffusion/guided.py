"""The reconstructors `perco` and `controlnet`: diffusion with classifier-free guidance, given the little that was sent.

PerCo (Careil et al. 2024; review, section IV-A): a few vector-quantized tokens say where things are, a caption says what
they are, and a latent diffusion model that sees both draws the picture. Text+Sketch (Lei et al. 2023, PICS): the same with
an edge sketch for the tokens, which a ControlNet shows to the model. What tells them apart is which signals they are
handed, and that is in their specs.
"""

from __future__ import annotations

from gcodec.diffusion.latents import FromNoise

__all__ = ["PerceptualCompression", "TextSketch"]


class PerceptualCompression(FromNoise):
    """From noise, by DDIM with guidance, given tokens and a caption.

    Of a file without tokens, given what says most of the picture.
    """

    name = "perco"


class TextSketch(FromNoise):
    """From noise, by DDIM with guidance, given a sketch and a caption, and what colours the file holds."""

    name = "controlnet"
