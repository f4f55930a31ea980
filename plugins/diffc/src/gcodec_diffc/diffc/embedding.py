"""The embedding `diffc`: noisy x_t, sent step by step.

Review, Algorithm 1 (Ho et al. 2020; Theis et al. 2022, "Lossy compression with Gaussian diffusion"): x_T comes from common
randomness, then each step sends a sample of q(x_s | x_t, x_0) by channel simulation under p(x_s | x_t). One unconditional
denoiser, one progressive stream, any rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gcodec.channels import Common, Gaussian
from gcodec.errors import ChannelError, ImageError, ModelMissing, PayloadError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.models.devices import torch_device
from gcodec.models.networks import Condition, open_denoiser, open_space
from gcodec.signals import Signal, by_type
from gcodec_diffc.diffc import _stream
from gcodec_diffc.diffc._head import NAME, Head
from gcodec_diffc.diffc._process import State, level, start
from gcodec_diffc.diffc._schedule import open_schedule
from gcodec_diffc.diffc._stream import Piece

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["Diffc"]

#: Dimensions of the latent for each byte at quality 0.
_SPARSEST = 4096


class Diffc(Embedding):
    """Layers of whole steps; any number of them gives x_t at the SNR that it has reached.

    Raises ModelMissing without a schedule and ModelDamaged for one of other networks than those installed.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.model is None:
            raise ModelMissing("base/diffc", "`diffc` needs a schedule; install gcodec-base")
        self.schedule = open_schedule(setup.model, setup.run.models)
        run = setup.run
        self.denoiser = open_denoiser(self.schedule.denoiser, run)
        self.space = open_space(run.models.find(self.denoiser.space), run)

    @cached_property
    def head(self) -> Head:
        """What the sender's options ask for. Raises UnknownPlugin, UnusablePlugin and UsageError."""
        return Head.of(self.setup.options["channel"])

    def analyse(self, pixels: FloatArray) -> tuple[FloatArray, Size]:
        """The latent x_0, float32 [C, h, w]. Raises ImageError where it has too few elements for a step."""
        values, size = self.space.encode(pixels), Size(*pixels.shape[1:])
        if not self.schedule.steps(values.size):
            raise ImageError(
                f"{size.width}x{size.height} image",
                f"its latent has {values.size} elements under this model, too few for a step of `diffc`",
            )
        return values, size

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the layers for a payload that is exponential in quality."""
        values, size = analysis
        x_0 = torch.from_numpy(values)[None].to(torch_device(self.setup.run.device))
        condition = self.denoiser.condition(by_type(self.setup.beside), size)
        state = start(self.setup.run, values.shape)
        lengths = self._lengths(values.size, quality)
        sent = list[Piece]()
        for length in lengths:
            self.setup.run.progress(NAME, state.step, len(lengths))
            x0_hat = self._x0_hat(state, condition)
            piece, snr, z = self._send(x_0 - x0_hat, state, length, sent[-1:])
            sent.append(piece)
            state = state.after(x0_hat, z, snr)
        self.setup.run.progress(NAME, len(lengths), len(lengths))
        packed = [piece.pack(self.head.spec.fixed) for piece in sent]
        cut = _stream.layers([len(piece) for piece in packed])
        first, *rest = [b"".join(packed[part]) for part in cut]
        return (self.head.pack() + bytes([sent[0].code]) + first, *rest)

    def sizes(self, analysis: Any, quality: float) -> tuple[int, ...] | None:
        """The lengths of the layers, without a network; None for a channel of which only sending tells."""
        if not self.head.spec.fixed:
            return None
        sent = self._lengths(analysis[0].size, quality)
        first, *rest = [sum(sent[part]) for part in _stream.layers(sent)]
        return (len(self.head.pack()) + 1 + first, *rest)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return x_t as the sender had it, up to rounding in the network."""
        (signals,) = self.refine(layers, [len(layers)], size)
        return signals

    def refine(
        self, layers: Sequence[bytes], counts: Sequence[int], size: Size
    ) -> Iterator[tuple[Signal, ...]]:
        """Yield x_t after the first layers, as many as `counts` says, in one pass."""
        data = b"".join(layers[: counts[-1]])
        head, read = Head.unpack(data)
        h, w = (-(-side // self.space.factor) for side in size)
        shape = (self.space.channels, h, w)
        dimensions = math.prod(shape)
        fixed, steps = head.spec.fixed, self.schedule.steps(dimensions)
        pieces = list(_stream.pieces(data[read:], fixed, steps))
        condition = self.denoiser.condition(by_type(self.setup.beside), size)
        state = start(self.setup.run, shape)
        ends = [sum(map(len, layers[:count])) for count in counts]
        read += 1
        for piece in pieces:
            self.setup.run.progress(NAME, state.step, len(pieces))
            x0_hat = self._x0_hat(state, condition)
            z = self._receive(piece, head, dimensions, state.step)
            bits = _stream.bits_of(piece.length, fixed)
            snr = _stream.snr_after(state.snr, piece.code, bits, dimensions)
            # A layer that ends within a step, which no sender makes, counts as far as whole steps go.
            read += len(piece.pack(fixed))
            while len(ends) > 1 and ends[0] < read:
                yield (state.signal(self.space.name),)
                ends.pop(0)
            state = state.after(x0_hat, z, snr)
        self.setup.run.progress(NAME, len(pieces), len(pieces))
        for _ in ends:
            yield (state.signal(self.space.name),)

    def _send(
        self, error: torch.Tensor, state: State, length: int, before: Sequence[Piece]
    ) -> tuple[Piece, float, FloatArray]:
        """Bits for the direction in which x0-hat errs, the SNR that they lead to, and the sample.

        before  the step before, if there was one.
        """
        r = error.cpu().numpy().ravel()
        norm = max(float(np.linalg.norm(r.astype(np.float64))), 1e-12)
        fixed, count = self.head.spec.fixed, _stream.bits_of(length, self.head.spec.fixed)
        nominal = math.sqrt(2 * math.log(2) * count)
        common, reference = self._common(state.step), Gaussian.standard(r.size)
        channel = self.head.channel(count)

        def end(E: float) -> tuple[int, int, float]:
            wanted = _stream.error_code(E)
            change, code = _stream.change_to(wanted, before[0].code if before else wanted)
            return change, code, _stream.snr_after(state.snr, code, count, r.size)

        if not fixed:
            # As published: the target first, a sample of it as good as the channel can.
            change, code, snr = end(norm**2 / r.size)
            m = math.sqrt(snr - state.snr) * r
            bits = channel.simulate(Gaussian(m), reference, common)
            sent = Piece(length, change, code, bits)
            return sent, snr, channel.replay(bits, reference, common)
        # The other way round: the bits' sample first, then the step to the SNR where it is one of q. All targets of a
        # step lie in one direction, r; the sample goes A along it, and |m| = A at snr_s = snr_t + (A / |r|)^2.
        bits = channel.simulate(Gaussian(r * np.float32(nominal / norm)), reference, common)
        z = channel.replay(bits, reference, common)
        A = max(float(z.astype(np.float64) @ r) / norm, 1e-3)
        change, code, snr = end((norm * nominal / A) ** 2 / r.size)
        return Piece(length, change, code, bits), snr, z

    def _receive(self, piece: Piece, head: Head, dimensions: int, step: int) -> FloatArray:
        try:
            bits = _stream.bits_of(piece.length, head.spec.fixed)
            channel, reference = head.channel(bits), Gaussian.standard(dimensions)
            return channel.replay(piece.bits, reference, self._common(step))
        except ChannelError as error:
            raise PayloadError(NAME, f"step {step}: {error.reason}") from error

    def _x0_hat(self, state: State, condition: Condition) -> torch.Tensor:
        return self.denoiser.x0(state.x_t, *level(state.snr), condition)

    def _common(self, step: int) -> Common:
        return Common(self.setup.run.randomness, step)

    def _lengths(self, dimensions: int, quality: float) -> list[int]:
        steps = self.schedule.steps(dimensions)
        low = max(_stream.smallest(), dimensions // _SPARSEST)
        high = max(_stream.largest(steps), low)
        payload = round(low * (high / low) ** min(max(quality, 0.0), 1.0))
        return _stream.layout(steps, payload, self.head.spec.fixed)
