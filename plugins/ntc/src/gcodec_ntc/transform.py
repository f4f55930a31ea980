"""Analysis and synthesis transforms: a lapped block transform with small learned corrections.

Both start as the time-domain lapped transform of Tran, Liang and Tu, "Lapped transform via
time-domain pre- and post-filtering" (IEEE TSP 2003): a 16-point filter across every block border,
then the orthonormal 16-point DCT-II, separably in both directions, in an orthonormal
luma/chroma space. The learned parts (one residual branch in the analysis; one in the latent and
one in the sample domain in the synthesis) end in zero-initialised layers, so an untrained model
is exactly that linear transform.

Latents are [B, C, H/16, W/16]; one latent holds one coefficient per kept (colour, frequency)
pair, in 8-bit sample units (an orthonormal transform of samples in [-127.5, 127.5]).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.entropy.mean_scale import SLOPE, lerp
from gcodec_ntc.payload import BLOCK


@dataclass(frozen=True)
class TransformConfig:
    """Sizes of the transforms; part of a model's config.json."""

    channels: int = 320
    analysis_width: int = 128
    analysis_blocks: int = 0
    latent_width: int = 160
    latent_blocks: int = 2
    sample_width: int = 32
    sample_blocks: int = 1
    knots: int = 17
    step_max: float = 300.0
    step_min: float = 12.0


def opponent_matrix() -> Tensor:
    """Orthonormal 3x3 colour transform: luma, blue-yellow and red-green rows."""
    rows = torch.tensor([[1.0, 1.0, 1.0], [-0.5, -0.5, 1.0], [1.0, -1.0, 0.0]], dtype=torch.float64)
    return (rows / rows.norm(dim=1, keepdim=True)).float()


def dct_matrix(n: int = BLOCK) -> Tensor:
    """Orthonormal DCT-II, rows are basis functions."""
    k = torch.arange(n, dtype=torch.float64)
    basis = torch.cos(math.pi * (k[None] + 0.5) * k[:, None] / n) * math.sqrt(2 / n)
    basis[0] /= math.sqrt(2)
    return basis.float()


def _butterflies(v: Tensor) -> Tensor:
    half = v.shape[0]
    one = torch.eye(half, dtype=v.dtype)
    flip = one.flip(0)
    mix = torch.cat([torch.cat([one, flip], 1), torch.cat([flip, -one], 1)]) / math.sqrt(2)
    return mix @ torch.block_diag(one, v) @ mix


def border_filter(n: int = BLOCK, correlation: float = 0.95) -> tuple[Tensor, Tensor]:
    """Pre-filter [n, n] with the best coding gain on an AR(1) source, and its norms.

    Returns the filter and the l2 norms [n] of the synthesis basis functions it leads to. The gain
    (9.96 dB at n = 16; the DCT's is 9.46, the bound 10.11) is maximised over the free matrix V of
    Tran et al., eq. 14, from the identity; deterministic.
    """
    half = n // 2
    dct = dct_matrix(n).double()
    position = torch.arange(2 * n, dtype=torch.float64)
    covariance = correlation ** (position[:, None] - position[None]).abs()
    v = torch.eye(half, dtype=torch.float64, requires_grad=True)

    def variances_and_norms() -> tuple[Tensor, Tensor]:
        pre = _butterflies(v)
        post = torch.linalg.inv(pre)
        analysis = dct @ torch.block_diag(pre, pre)[half : half + n]
        synthesis = torch.block_diag(post, post)[:, half : half + n] @ dct.T
        return (analysis @ covariance @ analysis.T).diagonal(), synthesis.square().sum(0)

    optimiser = torch.optim.LBFGS([v], max_iter=500, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        variance, norm = variances_and_norms()
        loss = (variance.log() + norm.log()).mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    with torch.no_grad():
        return _butterflies(v).float(), variances_and_norms()[1].sqrt().float()


def _filter_borders(x: Tensor, matrix: Tensor) -> Tensor:
    """Apply a 16-point `matrix` across the inner block borders of the last axis."""
    half = BLOCK // 2
    if x.shape[-1] == BLOCK:
        return x
    inner = x[..., half:-half]
    inner = inner.reshape(*inner.shape[:-1], -1, BLOCK) @ matrix.T
    return torch.cat([x[..., :half], inner.flatten(-2), x[..., -half:]], -1)


def _blocks(x: Tensor, pre: Tensor, dct: Tensor) -> Tensor:
    """[..., n * 16] -> [..., n, 16] lapped transform of the last axis."""
    x = _filter_borders(x, pre)
    return x.reshape(*x.shape[:-1], -1, BLOCK) @ dct.T


def _unblocks(x: Tensor, post: Tensor, dct: Tensor) -> Tensor:
    """Inverse of `_blocks` when `post` inverts `pre`."""
    return _filter_borders((x @ dct).flatten(-2), post)


def _zero(layer: nn.Conv2d) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class Blocks(nn.ModuleList):
    """Residual layers u + leaky(conv(u)), each the identity where its weights are zero."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__(nn.Conv2d(width, width, 3, padding=1) for _ in range(count))

    def forward(self, u: Tensor) -> Tensor:
        """[B, width, h, w] -> the same shape."""
        for conv in self:
            u = u + F.leaky_relu(conv(u), SLOPE)
        return u


class Analysis(nn.Module):
    """Samples to latents; independent of the quality."""

    order: Tensor
    spread: Tensor

    def __init__(self, config: TransformConfig) -> None:
        super().__init__()
        channels, width = config.channels, config.analysis_width
        self.colour = nn.Parameter(torch.eye(3))
        self.pre = nn.Parameter(torch.eye(BLOCK))
        self.dct = nn.Parameter(torch.eye(BLOCK))
        self.register_buffer("order", torch.zeros(channels, dtype=torch.int64))
        self.register_buffer("spread", torch.ones(channels))
        self.squeeze = nn.Conv2d(channels, width, 1)
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        self.blocks = Blocks(width, config.analysis_blocks)
        self.expand = nn.Conv2d(width, channels, 1)
        _zero(self.expand)

    def coefficients(self, x: Tensor) -> Tensor:
        """All 768 lapped-transform coefficients of [B, 3, H, W] in [0, 1]: [B, h, w, 768]."""
        # Single precision under autocast too: what is lost here no network brings back.
        with torch.autocast(x.device.type, enabled=False):
            x = torch.einsum("oc,bchw->bohw", self.colour, x * 255.0 - 127.5)
            x = _blocks(x, self.pre, self.dct)  # b c H w kw
            x = _blocks(x.permute(0, 1, 3, 4, 2), self.pre, self.dct)  # b c w kw h kh
        return x.permute(0, 4, 2, 1, 5, 3).flatten(3)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, H, W] in [0, 1], sides multiples of 16 -> [B, C, H/16, W/16]."""
        y = self.coefficients(x)[..., self.order].permute(0, 3, 1, 2)
        spread = self.spread[:, None, None]
        u = y / spread
        u = F.leaky_relu(self.squeeze(u / (1 + u.abs() / 4)), SLOPE)
        u = self.blocks(F.leaky_relu(self.mix(u), SLOPE))
        return y + self.expand(u) * spread


class Synthesis(nn.Module):
    """Quantized latents (in quantization steps) and a quality to samples."""

    order: Tensor

    def __init__(self, config: TransformConfig) -> None:
        super().__init__()
        channels, width, narrow = config.channels, config.latent_width, config.sample_width
        self.ungain = nn.Parameter(torch.zeros(config.knots, channels))
        self.colour = nn.Parameter(torch.eye(3))
        self.post = nn.Parameter(torch.eye(BLOCK))
        self.dct = nn.Parameter(torch.eye(BLOCK))
        self.register_buffer("order", torch.zeros(channels, dtype=torch.int64))
        self.squeeze = nn.Conv2d(channels, width, 1)
        self.squeeze_q = nn.Parameter(torch.zeros(config.knots, width))
        self.latent_blocks = Blocks(width, config.latent_blocks)
        self.expand = nn.Conv2d(width, channels, 1)
        self.gather = nn.Conv2d(48, narrow, 3, padding=1)
        self.gather_q = nn.Parameter(torch.zeros(config.knots, narrow))
        self.sample_blocks = Blocks(narrow, config.sample_blocks)
        self.spread_out = nn.Conv2d(narrow, 48, 1)
        _zero(self.expand)
        _zero(self.spread_out)

    def forward(self, y: Tensor, q: Tensor) -> Tensor:
        """[B, C, h, w] in steps, quality [B] in [0, 1] -> [B, 3, 16 h, 16 w], nominally [0, 1]."""
        u = self.squeeze(y / (1 + y.abs() / 4)) + lerp(self.squeeze_q, q)[:, :, None, None]
        y = y + self.expand(self.latent_blocks(F.leaky_relu(u, SLOPE)))
        y = y * torch.exp2(lerp(self.ungain, q))[:, :, None, None]
        x = self.samples(y)
        u = self.gather(F.pixel_unshuffle(x / 64, 4).contiguous(memory_format=torch.channels_last))
        u = F.leaky_relu(u + lerp(self.gather_q, q)[:, :, None, None], SLOPE)
        x = x + F.pixel_shuffle(self.spread_out(self.sample_blocks(u)), 4) * 64
        return (x + 127.5) / 255.0

    def samples(self, y: Tensor) -> Tensor:
        """Inverse lapped transform of [B, C, h, w] (8-bit units), centred samples [B, 3, H, W]."""
        batch, _, h, w = y.shape
        full = y.new_zeros(batch, h, w, 3 * BLOCK * BLOCK)
        full = full.index_copy(3, self.order, y.permute(0, 2, 3, 1))
        x = full.view(batch, h, w, 3, BLOCK, BLOCK)
        with torch.autocast(x.device.type, enabled=False):
            x = _unblocks(x.permute(0, 3, 2, 5, 1, 4), self.post, self.dct)  # b c w kw H
            x = _unblocks(x.permute(0, 1, 4, 2, 3), self.post, self.dct)
            return torch.einsum("oc,bohw->bchw", self.colour, x)


def initialise(
    analysis: Analysis, synthesis: Synthesis, config: TransformConfig, photos: Tensor
) -> Tensor:
    """Set both transforms to the lapped transform; returns the initial log2 gain table [K, C].

    `photos` [N, 3, H, W] in [0, 1] choose which coefficients are kept, by variance, and in
    which order: most variance first.
    """
    pre, norms = border_filter()
    with torch.no_grad():
        for transform in (analysis, synthesis):
            transform.colour.copy_(opponent_matrix())
            transform.dct.copy_(dct_matrix())
        analysis.pre.copy_(pre)
        synthesis.post.copy_(torch.linalg.inv(pre))
        norm = (norms[:, None] * norms[None]).flatten().repeat(3)
        y = analysis.coefficients(photos).flatten(0, 2)
        importance = y.std(0) * norm
        order = importance.argsort(descending=True)[: config.channels]
        analysis.order.copy_(order)
        synthesis.order.copy_(order)
        analysis.spread.copy_(y.std(0)[order])
        q = torch.linspace(0, 1, config.knots)[:, None]
        log_step = (1 - q) * math.log2(config.step_max) + q * math.log2(config.step_min)
        gain = norm[order].log2()[None] - log_step
        synthesis.ungain.copy_(-gain)
    return gain
