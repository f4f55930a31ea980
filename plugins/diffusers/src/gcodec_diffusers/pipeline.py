"""A published model behind core's `Denoiser`: all that does not depend on which network it is.

    schedules    the network's path, and what its output means
    estimates    what signals say of x_0
    this module  x0-hat of x_t, and the base class of `known` (the first six families), `driven` (all others of diffusers)
                 and `pixels`; a family of somebody else's is a class with one method, `output`

Nobody trained these networks to see a codec's preview or a quantized latent. Where such an estimate c of x_0 with the
deviation s of its error is given, the network's x0-hat is moved towards it as if x_0 given x_t were Gaussian with the
variance r^2,

    x0-hat + r^2 (c - g x0-hat) / (g r^2 + s^2),    1 / r^2 = 1 / d^2 + snr_t,    g = 1 - s^2 / d^2

with the deviation d of x_0, 1 of scaled latents: "Denoising diffusion models for plug-and-play image restoration" (Zhu et
al. 2023, eq. 12), in the form in which an estimate that says nothing, s = d and c = 0, changes nothing. So every sampler
that conditions its denoiser works with a model that has seen no more than captions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from gcodec.errors import ModelDamaged, ModelError, UsageError
from gcodec.interfaces import Size
from gcodec.models import Model
from gcodec.models.networks import Condition, Denoiser, LatentSpace
from gcodec.signals import Latent, Noisy, Preview, Signal, Text
from gcodec_diffusers.estimates import Estimate, best, latent_error
from gcodec_diffusers.loading import refusing
from gcodec_diffusers.noise_levels import Level
from gcodec_diffusers.schedules import Schedule

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["PipelineDenoiser", "padded_to"]


class PipelineDenoiser(Denoiser):
    """A network that sees x_t along a path of its own, told of captions perhaps, and of everything else by the module's
    formula.

    model     that it comes from.
    encoder   its latent space, `space` the name of that model.
    schedule  its path.
    device    that it works on.

    A subclass says what the network answers (`output`) and, where it is told more than x_t, what (`told`). Wherever it can
    use other signals than previews, latents and captions it names them in `also` and overrides `maps`.
    """

    #: Whether captions are told to the network.
    reads_text: bool = False
    #: Types of further signals that it can use.
    also: tuple[str, ...] = ()
    #: Whether `output` takes several inputs, with conditions that `_joined` has put together.
    several: bool = False

    def __init__(
        self,
        model: Model,
        space: str,
        encoder: LatentSpace,
        schedule: Schedule,
        device: torch.device,
    ) -> None:
        self.model, self.space, self.encoder = model, space, encoder
        self.schedule, self.device = schedule, device
        self.few = schedule.few

    @property
    def most(self) -> int | None:  # type: ignore[override]
        """Those that were distilled have learned no more steps, and their guidance."""
        return max(self.few, default=None)

    @property
    def sees(self) -> tuple[str, ...]:  # type: ignore[override]
        """Types of the signals that the model can use."""
        text = (Text.kind,) if self.reads_text else ()
        return (Preview.kind, f"{Latent.kind}/{self.encoder.name}", *text, *self.also)

    @property
    def prior(self) -> Tensor:
        """The deviation [C] of x_0."""
        return torch.full((self.encoder.channels,), self.schedule.deviation)

    @property
    def bound(self) -> float | None:
        """Within which x_0 lies, where that is known."""
        return None

    @abstractmethod
    def output(self, x: Tensor, at: Level, condition: Condition) -> Tensor:
        """What the network says of its input x [1, C, h, w] at a level of its path: float32 of the same shape, the noise or
        the flow as the schedule has it. Differentiable in x."""

    def told(self, prompt: str, size: Size) -> Mapping[str, Tensor]:
        """What the network is told of a prompt, "" for none, and of a picture's size: by names, none of them "error".

        Raises ModelDamaged and UnusablePlugin.
        """
        return {}

    def maps(
        self, signals: Mapping[str, Signal], estimate: FloatArray, error: FloatArray
    ) -> Mapping[str, Tensor]:
        """What the network sees beside x_t of further signals, by names, none of them "estimate": [..., h, w]."""
        return {}

    def condition(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        """The best estimate of x_0 among the signals, the caption, and `maps`; {} is the empty prompt.

        Raises UsageError for signals of which the model can use none, and what `told` raises.
        """
        if not set(signals) & set(self.sees) and any(
            s.kind != Noisy.kind for s in signals.values()
        ):
            raise UsageError(
                f"{self.model.name} can use nothing of {' + '.join(signals)}; it sees {', '.join(self.sees)}"
            )
        caption = signals.get(Text.kind)
        prompt = caption.value if isinstance(caption, Text) and self.reads_text else ""
        estimate, error = self.estimate(signals, size)
        seen = {"estimate": torch.from_numpy(estimate), **self.maps(signals, estimate, error)}
        with refusing(self.model.name, "its parts do not go together"):
            told = {"error": torch.from_numpy(error), **self.told(prompt, size)}
        return Condition(
            {name: tensor.to(self.device) for name, tensor in seen.items()},
            {name: tensor.to(self.device) for name, tensor in told.items()},
        )

    def unguided(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        """All but the caption: what the module's formula and `maps` add is in both, as in diffusers' pipelines."""
        rest = {name: signal for name, signal in signals.items() if name != Text.kind}
        return self.condition(rest, size)

    def estimate(self, signals: Mapping[str, Signal], size: Size) -> tuple[FloatArray, FloatArray]:
        """The estimate [C, h, w] with the least error of those that the signals give, and its deviation [C]."""
        h, w = (-(-side // self.encoder.factor) for side in size)
        return best(self._estimates(signals), self.prior, (h, w))

    def _estimates(self, signals: Mapping[str, Signal]) -> Iterator[Estimate]:
        encoder, deviation = self.encoder, self.prior
        for name, signal in signals.items():
            if isinstance(signal, Latent) and name == f"{Latent.kind}/{encoder.name}":
                yield signal.values, latent_error(signal.step, deviation)
            elif isinstance(signal, Preview):
                spread = torch.from_numpy(encoder.spread(signal.pixels, max(signal.mse, 1e-7)))
                yield encoder.encode(signal.pixels), (deviation.pow(-2) + spread.pow(-2)).rsqrt()

    def x0(
        self, x_t: Tensor, alpha_t: float, sigma_t: float, condition: Condition, step: float = 0.0
    ) -> Tensor:
        """x0-hat [1, C, h, w]; any path is scaled to the model's own at the same SNR."""
        with torch.set_grad_enabled(x_t.requires_grad):
            at = self.schedule.level(alpha_t, sigma_t)
            x = x_t * at.scale
            with refusing(
                self.model.name, f"it cannot be asked with {x.shape[3]}x{x.shape[2]} latents"
            ):
                out = self.output(x, at, condition)
                if out.shape != x.shape:
                    raise ModelDamaged(
                        self.model.name,
                        f"its network answers with {out.shape[1]} channels, where latents have {x.shape[1]}",
                    )
            x_0 = self.schedule.x0_of(x, out, at)
            if (bound := self.bound) is not None:
                x_0 = x_0.clamp(-bound, bound)
            if not torch.isfinite(x_0).all():
                raise ModelError(
                    f"model {self.model.name}: its network answers with what is no number; its weights are damaged, or"
                    " float16 is too small for it (--dtype bfloat16 or float32)"
                )
            c, s = condition.maps["estimate"], condition.globals["error"]
            snr = (at.alpha / at.sigma) ** 2 if at.sigma else torch.inf
            return _towards(x_0, snr, c, s, self.prior)

    def x0_all(
        self,
        x_t: Tensor,
        alpha_t: float,
        sigma_t: float,
        conditions: Sequence[Condition],
        step: float = 0.0,
    ) -> Tensor:
        """x0-hat [B, C, h, w]; all at once where the network takes that."""
        joined = _joined(conditions) if self.several and len(conditions) > 1 else None
        if joined is None:
            return super().x0_all(x_t, alpha_t, sigma_t, conditions, step)
        return self.x0(x_t, alpha_t, sigma_t, joined, step)


def _joined(conditions: Sequence[Condition]) -> Condition | None:
    """One condition of several: maps [B, ..., h, w], "error" [B, C], of what is told [1, ...] it is [B, ...].

    None where they are not alike: prompts of other lengths, a sketch in some.
    """
    maps, told = [one.maps for one in conditions], [one.globals for one in conditions]
    for tables in (maps, told):
        shapes = [{name: tensor.shape for name, tensor in table.items()} for table in tables]
        if any(other != shapes[0] for other in shapes):
            return None
    return Condition(
        {name: torch.stack([one[name] for one in maps]) for name in maps[0]},
        {
            name: (torch.stack if name == "error" else torch.cat)([one[name] for one in told])
            for name in told[0]
        },
    )


def _towards(x_0: Tensor, snr: float, c: Tensor, s: Tensor, d: Tensor) -> Tensor:
    """x0-hat [B, C, h, w] moved towards the estimate c [B, C, h, w] by the module's formula; s is [B, C], d [C].

    Of one picture c and s may be without B.
    """
    s2, d2 = (v.to(x_0.device).square()[..., None, None] for v in (s, d))
    g, r2 = 1 - s2 / d2, 1 / (1 / d2 + snr)
    return x_0 + r2 * (c - g * x_0) / (g * r2 + s2)


def padded_to(
    multiple: int, x: Tensor, call: Callable[[Callable[[Tensor], Tensor]], Tensor]
) -> Tensor:
    """What `call` returns of maps whose sides cannot be cut into patches: continued to a multiple, and cut off again.

    call  is given the function that continues a map [..., h, w] of the size of x.
    """
    h, w = x.shape[-2:]
    bottom, right = (-side % multiple for side in (h, w))

    def whole(planes: Tensor) -> Tensor:
        return F.pad(planes, (0, right, 0, bottom), mode="replicate")

    return call(whole)[..., :h, :w]
