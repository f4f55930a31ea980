"""diffusers' `UNet2DModel` of convolutions with attention in the middle, without importing diffusers.

The denoiser of `base` is one. Importing diffusers takes longer than decoding a picture: with it come torch's compiler
and scipy. This has the parameters of the original by the same names, and does the same sums in the same order. A
configuration that asks for anything else is not `plain`, and diffusers builds it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["PlainUNet", "plain"]

#: What a configuration may say, and the values that are known here; None: any.
_KNOWN: Mapping[str, Any] = {
    "sample_size": None,
    "block_out_channels": None,
    "layers_per_block": None,
    "attention_head_dim": None,
    "norm_num_groups": None,
    "norm_eps": None,
    "down_block_types": None,
    "up_block_types": None,
    "center_input_sample": False,
    "time_embedding_type": "positional",
    "time_embedding_dim": None,
    "freq_shift": 0,
    "flip_sin_to_cos": True,
    "mid_block_type": "UNetMidBlock2D",
    "mid_block_scale_factor": 1,
    "downsample_padding": 1,
    "downsample_type": "conv",
    "upsample_type": "conv",
    "dropout": 0.0,
    "act_fn": "silu",
    "attn_norm_num_groups": None,
    "resnet_time_scale_shift": "default",
    "add_attention": True,
    "num_class_embeds": None,
    "num_train_timesteps": None,
}
#: Of the above what is None there and must be absent or None.
_ABSENT = ("time_embedding_dim", "attn_norm_num_groups", "num_class_embeds")
#: Blocks of one resolution: a number in a file must not make them without end.
_MOST_LAYERS = 99


def plain(config: Mapping[str, Any]) -> bool:
    """Whether `PlainUNet` is the network that these arguments of `UNet2DModel` mean."""
    kinds = {*config.get("down_block_types", [""])}, {*config.get("up_block_types", [""])}
    known = all(
        name in _KNOWN and (_KNOWN[name] is None or value == _KNOWN[name])
        for name, value in config.items()
    )
    absent = all(config.get(name) is None for name in _ABSENT)
    return known and absent and kinds == ({"DownBlock2D"}, {"UpBlock2D"})


class PlainUNet(nn.Module):
    """Arguments as `UNet2DModel` takes them, of a configuration that is `plain`, with class embeddings of a time.

    Raises ArithmeticError, LookupError, TypeError or ValueError for numbers that make no network.
    """

    def __init__(self, config: Mapping[str, Any], in_channels: int, out_channels: int) -> None:
        super().__init__()
        widths = [int(width) for width in config["block_out_channels"]]
        layers, head = config.get("layers_per_block", 2), config.get("attention_head_dim", 8)
        norm = config.get("norm_num_groups", 32), config.get("norm_eps", 1e-5)
        first, last = widths[0], widths[-1]
        if not 0 < layers <= _MOST_LAYERS or last % (head or last):
            raise ValueError(f"layers_per_block {layers} or attention_head_dim {head} of {last}")
        time = 4 * first
        self.width = first
        self.conv_in = nn.Conv2d(in_channels, first, 3, padding=1)
        self.time_embedding = _TimeEmbedding(first, time)
        self.class_embedding = _TimeEmbedding(first, time)
        self.down_blocks = nn.ModuleList(
            _Level([before] + [width] * (layers - 1), width, time, norm, "downsamplers", i > 0)
            for i, (before, width) in zip(
                reversed(range(len(widths))), pairwise([first, *widths]), strict=True
            )
        )
        self.mid_block = _Middle(last, time, head or last, norm)
        self.up_blocks = nn.ModuleList()
        # What `forward` keeps on the way down: every block's output, and that of what leads to the next level.
        skips = [first, *(width for width in widths for _ in range(layers + 1))][:-1]
        before = last
        for i, width in reversed([*enumerate(widths)]):
            entering = []
            for _ in range(layers + 1):
                entering.append(before + skips.pop())
                before = width
            self.up_blocks.append(_Level(entering, width, time, norm, "upsamplers", i > 0))
        self.conv_norm_out = nn.GroupNorm(norm[0], first, eps=norm[1])
        self.conv_out = nn.Conv2d(first, out_channels, 3, padding=1)

    def forward(
        self, sample: Tensor, timestep: Tensor, class_labels: Tensor, return_dict: bool = False
    ) -> tuple[Tensor]:
        """[B, in, h, w], [B], [B] -> ([B, out, h, w],); sides are multiples of what the levels halve."""
        dtype = self.conv_in.weight.dtype
        times = (_sinusoids(t, self.width).to(dtype) for t in (timestep, class_labels))
        known = self.time_embedding(next(times)) + self.class_embedding(next(times))
        x: Tensor = self.conv_in(sample)
        skips = [x]
        for level in self.down_blocks:
            assert isinstance(level, _Level)
            for block in level.resnets:
                x = block(x, known)
                skips.append(x)
            for shrink in level.downsamplers:
                x = shrink(x)
                skips.append(x)
        x = self.mid_block(x, known)
        for level in self.up_blocks:
            assert isinstance(level, _Level)
            for block in level.resnets:
                x = block(torch.cat([x, skips.pop()], 1), known)
            for grow in level.upsamplers:
                x = grow(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return (self.conv_out(F.silu(self.conv_norm_out(x))),)


def _sinusoids(t: Tensor, width: int) -> Tensor:
    half = width // 2
    exponent = -math.log(10000) * torch.arange(half, dtype=torch.float32, device=t.device)
    angles = t[:, None].float() * torch.exp(exponent / half)[None]
    return torch.cat([angles.cos(), angles.sin()], -1)


class _TimeEmbedding(nn.Module):
    def __init__(self, width: int, time: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(width, time), nn.Linear(time, time)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.linear_2(F.silu(self.linear_1(x)))
        return made


class _Block(nn.Module):
    def __init__(self, entering: int, width: int, time: int, norm: tuple[int, float]) -> None:
        super().__init__()
        groups, eps = norm
        self.norm1 = nn.GroupNorm(groups, entering, eps=eps)
        self.conv1 = nn.Conv2d(entering, width, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, width)
        self.norm2 = nn.GroupNorm(groups, width, eps=eps)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(entering, width, 1) if entering != width else None

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        u = self.conv1(F.silu(self.norm1(x)))
        u = u + self.time_emb_proj(F.silu(known))[:, :, None, None]
        u = self.conv2(F.silu(self.norm2(u)))
        return (x if self.conv_shortcut is None else self.conv_shortcut(x)) + u


class _Resampler(nn.Module):
    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.conv(x)
        return made


class _Level(nn.Module):
    """Blocks of one resolution; `entering` are their channels, `ends` what leads to the next one, if something does."""

    def __init__(
        self,
        entering: list[int],
        width: int,
        time: int,
        norm: tuple[int, float],
        ends: str,
        leads: bool,
    ) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(_Block(size, width, time, norm) for size in entering)
        self.downsamplers, self.upsamplers = nn.ModuleList(), nn.ModuleList()
        if leads:
            getattr(self, ends).append(_Resampler(width, 2 if ends == "downsamplers" else 1))


class _Middle(nn.Module):
    def __init__(self, width: int, time: int, head: int, norm: tuple[int, float]) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([_Attention(width, head, norm)])
        self.resnets = nn.ModuleList(_Block(width, width, time, norm) for _ in range(2))

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        x = self.attentions[0](self.resnets[0](x, known))
        made: Tensor = self.resnets[1](x, known)
        return made


class _Attention(nn.Module):
    """Of every position with every other, in heads of so many channels."""

    def __init__(self, width: int, head: int, norm: tuple[int, float]) -> None:
        super().__init__()
        self.heads = width // head
        self.group_norm = nn.GroupNorm(norm[0], width, eps=norm[1])
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        u = self.group_norm(x.reshape(b, c, h * w)).transpose(1, 2)
        q, k, v = (
            to(u).view(b, h * w, self.heads, c // self.heads).transpose(1, 2)
            for to in (self.to_q, self.to_k, self.to_v)
        )
        u = F.scaled_dot_product_attention(q, k, v)
        u = self.to_out[0](u.transpose(1, 2).reshape(b, h * w, c))
        return u.transpose(1, 2).reshape(b, c, h, w) + x
