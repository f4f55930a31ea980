"""What diffusers itself says of a folder: its own pipeline, its own scheduler, noise of its own, loaded by its own loaders.

The autoencoder is asked to decode at the end, as always: what it is given then, scaled as the space does it, is x0-hat where
the scheduler's last step goes from the level in question to none.
"""

from __future__ import annotations

import functools
import inspect
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor

from gcodec.interfaces import Size
from gcodec_diffusers.driven import DrivenDenoiser
from gcodec_diffusers.families import DRIVEN
from gcodec_diffusers.prompt_files import whole
from gcodec_diffusers.schedules import DDPM

__all__ = ["FAMILIES", "LIMITS", "STEPS", "Compared", "Oracle", "compare"]

STEPS = 8
FAMILIES = {name: family for family in DRIVEN for name in (family.name, *family.aliases)}


class Decoded(Exception):
    """The autoencoder was asked to decode."""


class Oracle:
    """A folder's pipeline as diffusers runs it, with what its text encoders say of nothing taken from the folder."""

    def __init__(self, folder: Path) -> None:
        import diffusers

        self.index = json.loads((folder / "model_index.json").read_text())
        family = self.family = FAMILIES[self.index["_class_name"]]
        module, _, name = family.pipeline.partition(":")
        cls = getattr(import_module(module), name)
        parts: dict[str, Any] = {k: v for k, v in self.index.items() if not isinstance(v, list)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for part in (family.network, family.vae):
                theirs = getattr(diffusers, self.index[part][1])
                theirs._keep_in_fp32_modules = None  # these want accelerate, which is not here
                parts[part] = theirs.from_pretrained(folder / part, low_cpu_mem_usage=False).eval()
        self.network = parts[family.network]
        self.config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
        self.parts, self.cls, self.prompts = parts, cls, ()
        if (folder / "empty_prompt.safetensors").is_file():
            self.prompts = whole(load_file(folder / "empty_prompt.safetensors"), "prompt.")

    def scheduler(self, last: int | None) -> Any:
        """The folder's own of `STEPS` steps; with `last`, one that goes from that step to the end at once."""
        import diffusers

        name, config = self.config["_class_name"], dict(self.config)
        flow = config.get("use_flow_sigmas")
        if name in DDPM and not flow:
            # One of them says x0-hat with every step; they share the table.
            name, config = (
                "DDIMScheduler",
                {**config, "set_alpha_to_one": True, "clip_sample": False},
            )
        cls = getattr(diffusers, name)

        class Last(cls):  # type: ignore[misc, valid-type]
            @functools.wraps(cls.set_timesteps)
            def set_timesteps(self, *args: Any, **how: Any) -> None:
                cls.set_timesteps(self, *args, **how)
                self.timesteps = self.timesteps[last : last + 1]  # type: ignore[operator]
                if name == "SCMScheduler":
                    self.timesteps = torch.cat([self.timesteps, torch.zeros(1)])
                elif name == "DDIMScheduler":
                    self.num_inference_steps = 1
                else:
                    sigma = self.sigmas[last : last + 1]  # type: ignore[operator]
                    self.sigmas = torch.cat([sigma, torch.zeros(1)])

            def scale_model_input(self, sample: Tensor, *rest: Any) -> Tensor:
                return sample  # asked of a flow's too, by those that look for its very class

            def step(
                self, model_output: Tensor, t: Any, sample: Tensor, *args: Any, **how: Any
            ) -> Any:
                if not flow:
                    return cls.step(self, model_output, t, sample, *args, **how)
                self._step_index = 0
                return (self.convert_model_output(model_output, sample=sample),)

        return (cls if last is None else Last).from_config(
            {k: v for k, v in config.items() if k[0] != "_"}
        )

    def run(self, height: int, width: int, last: int | None) -> tuple[Tensor, Any, Any]:
        """Noise that was drawn, what was to be decoded, and the scheduler, after a call of the pipeline."""
        scheduler = self.scheduler(last)
        parts = {**self.parts, "scheduler": scheduler}
        wanted = list(inspect.signature(self.cls.__init__).parameters.items())[1:]
        pipeline = self.cls(
            **{k: parts.get(k) for k, p in wanted if k in parts or p.default is p.empty}
        )
        pipeline.set_progress_bar_config(disable=True)
        given = iter(self.prompts)
        if hasattr(pipeline, "encode_prompt"):
            pipeline.encode_prompt = lambda *args, **how: next(given)
        found: dict[str, Tensor] = {}
        words: dict[str, Any] = {
            "prompt": "",
            "height": height,
            "width": width,
            "num_inference_steps": STEPS,
            "generator": torch.Generator().manual_seed(5),
            **self.family.unguided,
            **self.family.told(pipeline, height, width),
        }
        known = inspect.signature(self.cls.__call__).parameters
        with (
            _spied(self.cls, found),
            _caught(self.parts[self.family.vae], found),
            suppress(Decoded),
        ):
            pipeline(**{k: v for k, v in words.items() if k in known})
        return found["noise"], found["z"], scheduler


@contextmanager
def _caught(vae: Any, found: dict[str, Tensor]) -> Iterator[None]:
    def decode(z: Tensor, *args: Any, **how: Any) -> Any:
        found["z"] = z
        raise Decoded

    vae.decode = decode
    try:
        yield
    finally:
        del vae.decode


@contextmanager
def _spied(cls: Any, found: dict[str, Tensor]) -> Iterator[None]:
    """See what a pipeline's module draws."""
    modules = {m for m in map(inspect.getmodule, cls.__mro__) if hasattr(m, "randn_tensor")}
    before = {module: module.randn_tensor for module in modules}  # type: ignore[union-attr]

    def spy(real: Any) -> Any:
        def draw(*args: Any, **how: Any) -> Tensor:
            found["noise"] = real(*args, **how)
            return found["noise"]

        return draw

    for module, real in before.items():
        module.randn_tensor = spy(real)  # type: ignore[union-attr]
    try:
        yield
    finally:
        for module, real in before.items():
            module.randn_tensor = real  # type: ignore[union-attr]


def level(scheduler: Any, index: int) -> tuple[float, float]:
    """alpha_t and sigma_t of a step of diffusers' scheduler."""
    if hasattr(scheduler, "sigmas"):
        sigma = float(scheduler.sigmas[index])
        return 1 - sigma, sigma
    if not hasattr(scheduler, "alphas_cumprod"):  # Sana Sprint's
        angle = scheduler.timesteps[index]
        return float(angle.cos()), float(angle.sin())
    bar = float(scheduler.alphas_cumprod[int(scheduler.timesteps[index])])
    return bar**0.5, (1 - bar) ** 0.5


@contextmanager
def seen(network: Any) -> Iterator[list[dict[str, Any]]]:
    """The arguments of each call of a network, by name."""
    calls: list[dict[str, Any]] = []
    names = list(inspect.signature(type(network).forward).parameters)[1:]

    def note(module: Any, args: Any, named: Any) -> None:
        calls.append({**dict(zip(names, args, strict=False)), **named})

    handle = network.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield calls
    finally:
        handle.remove()


def difference(ours: Any, theirs: Any) -> float:
    """The largest relative difference between two arguments."""
    if isinstance(theirs, Tensor):
        assert ours.shape == theirs.shape
        if theirs.is_complex():
            ours, theirs = torch.view_as_real(ours), torch.view_as_real(theirs)
        a, b = ours.double(), theirs.double()
        return float((a - b).abs().max() / max(float(b.abs().max()), 1e-30)) if a.numel() else 0.0
    if isinstance(theirs, Mapping):
        assert ours.keys() == theirs.keys()
        return max((difference(ours[key], theirs[key]) for key in theirs), default=0.0)
    if isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        return max(map(difference, ours, theirs), default=0.0)
    assert ours == theirs
    return 0.0


class Compared(NamedTuple):
    """Largest relative differences at all steps: of x0-hat, and of what the network is told beside the latents."""

    x0: float
    told: float


#: Its pipeline takes 1e-5 in a variance where its autoencoder's configuration says 1e-4.
LIMITS = {"ErnieImagePipeline": 1e-4}


def fitting(denoiser: DrivenDenoiser) -> Size:
    """A picture that needs no padding, and is wide where that is allowed."""
    side = denoiser.family.multiple * denoiser.published.factor
    return Size(64, 64) if denoiser.family.name == "DiTPipeline" else Size(2 * side, 4 * side)


def compare(denoiser: DrivenDenoiser, folder: Path) -> Compared:
    """A denoiser against the oracle of its folder, at each of `STEPS` steps of a whole run."""
    oracle, space, size = Oracle(folder), denoiser.published, fitting(denoiser)
    shape = (1, space.channels, size.height // space.factor, size.width // space.factor)
    condition = denoiser.condition({}, size)
    with seen(oracle.network) as theirs:
        *_, whole_run = oracle.run(*size, None)
    worst = Compared(0.0, 0.0)
    for step in range(STEPS):
        noise, z, scheduler = oracle.run(*size, step)
        alpha, sigma = (
            level(scheduler, 0) if hasattr(scheduler, "sigmas") else level(whole_run, step)
        )
        with seen(denoiser.network) as ours:
            found = denoiser.x0(noise.reshape(shape), alpha, sigma, condition)
        due = space.scaled(z).reshape(shape)
        names = list(inspect.signature(type(oracle.network).forward).parameters)[2:]
        (told,), asked = ours, theirs[step]
        assert told.keys() == asked.keys()
        worst = Compared(
            max(worst.x0, float((found - due).abs().max() / due.abs().max())),
            max(worst.told, *(difference(told[key], asked[key]) for key in names if key in asked)),
        )
    return worst
