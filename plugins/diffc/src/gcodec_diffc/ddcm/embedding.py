"""The embedding `ddcm`: noisy x_t whose noise was chosen from codebooks.

DDCM (Ohayon et al. 2025, arXiv:2502.01189) runs the denoiser's ancestral sampler from a shared x_T and replaces the noise
of each step by the combination of codewords z that agrees best with what x0-hat lacks,

    x_s = mu_t(x_t, x0-hat) + std_t z,    z = argmax <z, x_0 - x0-hat>,    mu_t = a x_t + b x0-hat

(a, b and std of `gcodec_diffc.diffc._process`); Turbo-DDCM (Vaisman et al. 2025, arXiv:2511.06424) does with few steps and
many atoms; H-DDCM (arXiv:2610.18125) takes rows of a transform for codewords. How z is chosen is the channel's affair
(`gcodec_diffc.channels.Hadamard`, `Codebook`).

The papers fix the times of the steps and with them how far z should go along r = x_0 - x0-hat; what it does go, A, is
decided by the bits. Where A is more than the posterior's |m| = sqrt(snr_s - snr_t) |r|, x_s has less noise than its time
says, where it is less, more. Here the time follows: the step ends at

    snr_s = snr_t + (A / |r|)^2

where |m| = A, and one byte a step says so. So the noise of x_s has the variance sigma_s^2 that it is handed on with, and
the signal is an honest `noisy`. The papers' last step, which sends nothing and leaves x0-hat, is the receiver's: `mse`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gcodec.channels import Common, Gaussian
from gcodec.errors import ChannelError, InvalidOption, ModelDamaged, ModelMissing, PayloadError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.models.devices import torch_device
from gcodec.models.networks import Denoiser, LatentSpace, open_denoiser, open_space
from gcodec.run import Run
from gcodec.signals import Signal, by_type
from gcodec_diffc.ddcm._stream import NAME, Plan, most_atoms, pieces
from gcodec_diffc.diffc._process import level, start
from gcodec_diffc.diffc._schedule import holds
from gcodec_diffc.diffc._stream import error_code, snr_after
from gcodec_diffc.diffc._stream import layers as layers_of
from gcodec_diffc.plugin import DENOISER, FORMER

if TYPE_CHECKING:
    from gcodec.models import Model
    from gcodec.signals import FloatArray
    from gcodec_diffc.channels import Codebook, Hadamard

__all__ = ["Ddcm"]

#: The one latent space whose digest need not be that of the denoiser's own folder: see `_TRAINED_ON`.
_SPACE = "base"
#: Largest base-2 logarithm of a codebook of normals.
_NORMALS = 16
#: A layer has these bytes or more, and this share of all before it: steps are few, and all as long.
_LAYER = 48, 0.8
#: Digests of denoisers and of the autoencoders whose latents they were trained on: their folders give a name only.
_TRAINED_ON = dict.fromkeys(
    (FORMER, DENOISER), "45343cc8ecbc45180ce500bd8bd0a78c64f852b943bf440bee2f5b12cf6211e4"
)


class Ddcm(Embedding):
    """Layers of whole steps; any number of them gives x_t at the SNR that it has reached.

    Raises ModelMissing without a denoiser, ModelDamaged for one of another latent space, and InvalidOption for more atoms
    than the codebook has, or a codebook that the method cannot have.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.model is None:
            raise ModelMissing("base/denoiser", "`ddcm` needs a denoiser; install gcodec-base")
        options = setup.options
        if options["atoms"] > most_atoms(options):
            raise InvalidOption(
                NAME, "atoms", options["atoms"], f"at most 2^{options['codebook']}, the codebook"
            )
        if options["method"] != "hadamard" and options["codebook"] > _NORMALS:
            raise InvalidOption(
                NAME,
                "codebook",
                options["codebook"],
                f"at most {_NORMALS} with --method {options['method']}, whose codewords are normals;"
                " hadamard takes 22",
            )
        self.denoiser, self.space = _open(setup.model, _plain(setup.run))

    def analyse(self, pixels: FloatArray) -> tuple[FloatArray, Size]:
        """The latent x_0, float32 [C, h, w]."""
        return self.space.encode(pixels), Size(*pixels.shape[1:])

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the head and all steps, cut into layers."""
        values, size = analysis
        plan = self._plan(analysis, quality)
        x_0 = torch.from_numpy(values)[None].to(torch_device(self.setup.run.device))
        condition = self.denoiser.condition(by_type(self.setup.beside), size)
        state = start(self.setup.run, values.shape)
        sent = []
        for i in range(plan.steps):
            self.setup.run.progress(NAME, i, plan.steps)
            x0_hat = self.denoiser.x0(state.x_t, *level(state.snr), condition)
            error, bits, z = self._choose(plan.step(i), x_0 - x0_hat, i)
            sent.append(bytes([error]) + bits)
            state = state.after(x0_hat, z, snr_after(state.snr, error, 8 * len(bits), z.size))
        self.setup.run.progress(NAME, plan.steps, plan.steps)
        first, *rest = [b"".join(sent[part]) for part in layers_of(plan.lengths(), *_LAYER)]
        return (plan.pack() + first, *rest)

    def sizes(self, analysis: Any, quality: float) -> tuple[int, ...]:
        """The lengths of the layers, without a network."""
        plan = self._plan(analysis, quality)
        lengths = plan.lengths()
        first, *rest = [sum(lengths[part]) for part in layers_of(lengths, *_LAYER)]
        return (len(plan.pack()) + first, *rest)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return x_t as the sender had it, up to rounding in the network."""
        (signals,) = self.refine(layers, [len(layers)], size)
        return signals

    def refine(
        self, layers: Sequence[bytes], counts: Sequence[int], size: Size
    ) -> Iterator[tuple[Signal, ...]]:
        """Yield x_t after the first layers, as many as `counts` says, in one pass."""
        shape = self._shape(size)
        plan, steps, ends = pieces(layers[: counts[-1]], math.prod(shape))
        wanted = [ends[count - 1] for count in counts]
        condition = self.denoiser.condition(by_type(self.setup.beside), size)
        state = start(self.setup.run, shape)
        for i, piece in enumerate(steps):
            self.setup.run.progress(NAME, i, len(steps))
            error, bits = piece[0], piece[1:]
            try:
                z = plan.step(i).replay(bits, Gaussian.standard(math.prod(shape)), self._common(i))
            except ChannelError as refused:
                raise PayloadError(NAME, f"step {i}: {refused.reason}") from refused
            x0_hat = self.denoiser.x0(state.x_t, *level(state.snr), condition)
            state = state.after(x0_hat, z, snr_after(state.snr, error, 8 * len(bits), z.size))
            if state.step in wanted:
                yield (state.signal(self.space.name),)
        self.setup.run.progress(NAME, len(steps), len(steps))

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """The layers, once they are known to be whole steps."""
        pieces(layers, math.prod(self._shape(size)))
        return b"".join(layers)

    def _plan(self, analysis: Any, quality: float) -> Plan:
        values, size = analysis
        return Plan.make(self.setup.options, quality, math.prod(size), values.size)

    def _choose(
        self, channel: Codebook | Hadamard, error: torch.Tensor, step: int
    ) -> tuple[int, bytes, FloatArray]:
        """The step's code, its bits, and the z that they give, for r = x_0 - x0-hat."""
        r = error.cpu().numpy().ravel()
        reference, common = Gaussian.standard(r.size), self._common(step)
        bits = channel.simulate(Gaussian(r), reference, common)
        z = channel.replay(bits, reference, common)
        norm = max(float(np.linalg.norm(r.astype(np.float64))), 1e-12)
        A = max(float(z.astype(np.float64) @ r) / norm, 1e-3)
        # E of the stream, such that 2 ln 2 n / (D E) = (A / |r|)^2 for n bits.
        E = 2 * math.log(2) * 8 * len(bits) * (norm / A) ** 2 / r.size
        return error_code(E), bits, z

    def _shape(self, size: Size) -> tuple[int, int, int]:
        h, w = (-(-side // self.space.factor) for side in size)
        return self.space.channels, h, w

    def _common(self, step: int) -> Common:
        return Common(self.setup.run.randomness, step)


def _plain(run: Run) -> Run:
    """What matters of a run to the networks. Their precision is none of the receiver's choice: x_t is made with it."""
    return Run(run.device, models=run.models)


@lru_cache(maxsize=1)
def _open(model: Model, run: Run) -> tuple[Denoiser, LatentSpace]:
    """The networks, opened once for sender and receiver. Raises ModelMissing and ModelDamaged."""
    denoiser = open_denoiser(model, run)
    latents = run.models.find(denoiser.space)
    if latents.digest != _TRAINED_ON.get(model.digest, latents.digest):
        raise ModelDamaged(
            latents.name, f"{model.name} was trained on latents of another; install both again"
        )
    space = open_space(latents, run)
    if space.name != _SPACE and not holds(model, denoiser.space):
        raise ModelDamaged(
            model.name, f"it denoises the latent space '{space.name}', `ddcm` wants '{_SPACE}'"
        )
    return denoiser, space
