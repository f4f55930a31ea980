"""Any pipeline of diffusers behind core's `Denoiser`: its own call is run once for each x0-hat, with four probes in it.

    randn_tensor    where the pipeline draws its noise it gets x_t, and packs it as it packs noise
    the scheduler   has one timestep; its `step` gets what the network answers, after the pipeline's own sign and scale
    the autoencoder is asked to decode that answer, unpacked and unscaled: there the call ends
    encode_prompt   returns what it once returned; kept in a file, that is the stored prompt (`prompt_files`)

What a network is told of places, sizes, masks and times is so the pipeline's own, and nothing of it is written here again.
The networks come through the strict loader, not through the pipeline's. Gradients pass.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gcodec.errors import GcodecError, ModelDamaged, UnusablePlugin
from gcodec.interfaces import Size
from gcodec.models import Model, _torchvision_cpu
from gcodec.models.devices import torch_device
from gcodec.models.networks import Condition
from gcodec.run import Run
from gcodec_diffusers.components import open_encoder, open_network, read_schedule
from gcodec_diffusers.families import DRIVEN, Family
from gcodec_diffusers.layout import autoencoder_of, reads_text
from gcodec_diffusers.loading import quiet, refusing
from gcodec_diffusers.noise_levels import Level
from gcodec_diffusers.pipeline import PipelineDenoiser, padded_to
from gcodec_diffusers.prompt_files import flat, stored, whole
from gcodec_diffusers.schedules import TRIGONOMETRIC, path_of

__all__ = ["DrivenDenoiser", "open_driven", "open_family"]

#: Steps of which a scheduler is asked which t goes with which sigma.
_TABLE = 1000
_NOISE, _PROMPT, _PREFIX = "randn_tensor", "encode_prompt", "prompt."


class _Now(NamedTuple):
    """What the probes hand out in one call: x_t [1, C, h, w], its level, and what each call of encode_prompt returns."""

    x: Tensor
    at: Level
    prompts: Iterator[Any]


class _Answer(GcodecError):
    """The end of a call, caught where it began: `value` is what was to be had."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Autoencoder:
    """What a pipeline asks of its autoencoder, but for decoding, which ends the call."""

    dtype = torch.float32

    def __init__(self, network: Any) -> None:
        self._network = network

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def to(self, *how: Any, **more: Any) -> _Autoencoder:
        """Stays where it is."""
        return self

    def decode(self, z: Tensor, *rest: Any, **more: Any) -> Any:
        """Where the pipeline is done."""
        raise _Answer(z)


class DrivenDenoiser(PipelineDenoiser):
    """A pipeline of `family` in a folder, told of captions by its own text encoders.

    published  its latent space, as `encoder`, which knows how pipelines scale.
    """

    def __init__(self, family: Family, model: Model, run: Run) -> None:
        schedule, encoder = read_schedule(model), open_encoder(model, run)
        scheduler = model.json("scheduler/scheduler_config.json")
        if (path := path_of(scheduler)) != family.along:
            name = scheduler["_class_name"]
            text = f"{family.name} goes along the path of {family.along}, and {name} is of that of {path}"
            raise ModelDamaged(model.name, f"scheduler/scheduler_config.json: {text}")
        space = str(autoencoder_of(model))
        super().__init__(model, space, encoder, schedule, torch_device(run.device))
        self.family, self.published = family, encoder
        self.reads_text = reads_text(model)
        self.dtype = getattr(torch, run.dtype)
        self.network = open_network(model, family.network, family.classes, run)
        index, config = model.json("model_index.json"), dict(self.network.config)
        second = f"{family.network}_2"
        if any(index.get(second) or ()):
            raise ModelDamaged(
                model.name,
                f"it has a second network, {second}, for other noise levels; only pipelines of one network are known",
            )
        self.few = schedule.few or family.few(index, config)
        self._turn, self._now = threading.Lock(), _Now(torch.empty(0), Level(1, 1, 0, 0), iter(()))
        self._pipeline = self._built({})
        self._prompts: dict[str, tuple[Any, ...]] = {}

    def told(self, prompt: str, size: Size) -> Mapping[str, Tensor]:
        """What the pipeline's `encode_prompt` returns, as named tensors (`prompt_files`)."""
        made = stored(self.model, _PREFIX) if not prompt else None
        if made is None:
            if prompt not in self._prompts:
                self._prompts[prompt] = self.encoded(prompt)
            made = flat(self._prompts[prompt], _PREFIX)
        return {
            name: tensor.to(self.dtype) if tensor.is_floating_point() else tensor
            for name, tensor in made.items()
        }

    @torch.no_grad()
    def encoded(self, prompt: str) -> tuple[Any, ...]:
        """What each call of the pipeline's `encode_prompt` returns; the text encoders are given up afterwards.

        Raises ModelDamaged where the folder has none, and UnusablePlugin.
        """
        from gcodec_diffusers.texts import text_parts

        if not hasattr(self._pipeline, _PROMPT):
            return ()
        texts = text_parts(self.model, str(self.device), self.dtype, self.family.classes)
        pipeline, made = self._built(texts), []
        encode = getattr(pipeline, _PROMPT)

        def record(*args: Any, **how: Any) -> Any:
            made.append(encode(*args, **how))
            return made[-1]

        setattr(pipeline, _PROMPT, record)
        side = self.family.multiple * self.encoder.factor
        with self._turn, self._refusing("encode its prompt"):
            self._now = _Now(torch.empty(0), Level(1, 1, 0, 0), iter(()))
            _ended(lambda: self._call(pipeline, prompt, side, side))
        return tuple(made)

    def output(self, x: Tensor, at: Level, condition: Condition) -> Tensor:
        """What the pipeline's scheduler is given, in the space's terms."""
        prompts = whole(condition.globals, _PREFIX)

        def call(continued: Callable[[Tensor], Tensor]) -> Tensor:
            full = continued(x)
            height, width = (side * self.encoder.factor for side in full.shape[2:])
            with self._turn, self._refusing(f"run for {width}x{height} samples"):
                self._now = _Now(full, at, iter(prompts))
                z = _ended(lambda: self._call(self._pipeline, "", height, width))
            return self.published.scaled(z.float()).reshape(full.shape)

        return padded_to(self.family.multiple, x, call)

    def _call(self, pipeline: Any, prompt: str, height: int, width: int) -> None:
        family = self.family
        words: dict[str, Any] = {"prompt": prompt, "height": height, "width": width}
        words |= {"num_inference_steps": _TABLE if family.paired else 1, **family.unguided}
        words |= family.told(pipeline, height, width)
        call = inspect.unwrap(type(pipeline).__call__)
        known = inspect.signature(call).parameters
        call(pipeline, **{name: value for name, value in words.items() if name in known})

    def _refusing(self, what: str) -> AbstractContextManager[None]:
        return refusing(self.model.name, f"diffusers' {self.family.name} cannot {what}")

    def _built(self, texts: Mapping[str, Any]) -> Any:
        """The pipeline, with its probes and these components besides. Raises UnusablePlugin and ModelDamaged."""
        family, model = self.family, self.model
        cls = _class_of(family)
        index = model.json("model_index.json")
        parts: dict[str, Any] = {
            **{name: value for name, value in index.items() if not isinstance(value, list)},
            family.network: self.network,
            family.vae: _Autoencoder(self.published.network),
            **texts,
        }
        scheduler = model.json("scheduler/scheduler_config.json")
        wanted = inspect.signature(cls.__init__).parameters
        given = {
            name: parts.get(name)
            for name, parameter in list(wanted.items())[1:]
            if name in parts or parameter.default is parameter.empty
            if name != "scheduler"
        }
        with self._refusing("be put together"):
            pipeline = cls(**given, scheduler=self._scheduler(scheduler))
        pipeline.set_progress_bar_config(disable=True)
        _rebind(pipeline, _NOISE, self._noise)
        if not texts and hasattr(pipeline, _PROMPT):
            setattr(pipeline, _PROMPT, lambda *args, **how: next(self._now.prompts))
        return pipeline

    def _noise(
        self, shape: Any, *rest: Any, device: Any = None, dtype: Any = None, **more: Any
    ) -> Tensor:
        """diffusers' `randn_tensor`, which returns x_t."""
        if not self._now.x.numel():
            raise _Answer(None)
        if self._now.x.numel() != int(np.prod(shape)):
            raise ValueError(
                f"it wants latents of {'x'.join(map(str, shape))} and is given"
                f" {'x'.join(map(str, self._now.x.shape))}"
            )
        return self._now.x.reshape(shape).to(device, dtype)

    def _scheduler(self, config: Mapping[str, Any]) -> Any:
        """A scheduler of the class that the folder names, with one timestep."""
        import diffusers.schedulers as schedulers

        cls, owner = getattr(schedulers, config["_class_name"]), self

        class Probe(cls):  # type: ignore[misc, valid-type]
            order = 1
            init_noise_sigma = property(lambda self: 1.0, lambda self, value: None)

            def set_timesteps(
                self,
                num_inference_steps: int | None = None,
                device: Any = None,
                timesteps: Any = None,
                sigmas: Any = None,
                mu: float | None = None,
                **more: Any,
            ) -> None:
                at = owner._now.at
                told = at.timestep
                if owner.family.paired:
                    cls.set_timesteps(
                        self, num_inference_steps, device, timesteps=timesteps, sigmas=sigmas, mu=mu
                    )
                    falling = [
                        getattr(self, part).cpu().numpy()[:_TABLE][::-1]
                        for part in ("sigmas", "timesteps")
                    ]
                    told = float(np.interp(at.sigma, *falling))
                # Of a path of angles the pipeline leaves the last one out: there all is clean.
                times = [told, 0.0] if cls.__name__ in TRIGONOMETRIC else [told]
                self.timesteps = torch.tensor(times, dtype=torch.float32, device=device)
                self.sigmas = torch.tensor([at.sigma, 0.0])
                self.num_inference_steps = 1

            def scale_model_input(self, sample: Tensor, *rest: Any, **more: Any) -> Tensor:
                return sample

            def step(
                self,
                model_output: Tensor,
                timestep: Any,
                sample: Tensor,
                *rest: Any,
                return_dict: bool = True,
                **more: Any,
            ) -> Any:
                if not return_dict:
                    return model_output, model_output
                return SimpleNamespace(prev_sample=model_output, pred_original_sample=model_output)

        Probe.__name__ = cls.__name__
        return Probe.from_config({k: v for k, v in config.items() if not k.startswith("_")})


def _ended(call: Callable[[], None]) -> Any:
    try:
        call()
    except _Answer as answer:
        return answer.value
    raise RuntimeError("it has not asked its autoencoder to decode")


def _class_of(family: Family) -> Any:
    _torchvision_cpu.install()
    module, _, name = family.pipeline.partition(":")
    try:
        with quiet():
            return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        needed = "diffusers, and transformers: pip install 'gcodec-diffusers[text]'"
        raise UnusablePlugin(name, f"it needs a newer {needed} ({error})") from error


def _rebind(pipeline: Any, name: str, value: Any) -> None:
    """Let every method of a pipeline that says `name` mean `value` by it, and nobody else."""
    cls = type(pipeline)
    methods: dict[str, FunctionType] = {}
    for owner in reversed(cls.__mro__):
        for key, method in vars(owner).items():
            inner = inspect.unwrap(method) if inspect.isfunction(method) else None
            if isinstance(inner, FunctionType) and name in inner.__code__.co_names:
                methods[key] = FunctionType(
                    inner.__code__,
                    {**inner.__globals__, name: value},
                    inner.__name__,
                    inner.__defaults__,
                    inner.__closure__,
                )
                methods[key].__kwdefaults__ = inner.__kwdefaults__
    if not methods:
        raise ModelDamaged(
            cls.__name__, f"this version of diffusers draws no noise by {name} there"
        )
    pipeline.__class__ = type(cls.__name__, (cls,), {"__module__": cls.__module__, **methods})


def open_driven(family: Family, model: Model, run: Run) -> DrivenDenoiser:
    """The denoiser of a pipeline's folder. Raises ModelDamaged, and UnusablePlugin where diffusers lacks the pipeline."""
    return DrivenDenoiser(family, model, run)


def open_family(model: Model, run: Run) -> DrivenDenoiser:
    """`open_driven` of whichever of `DRIVEN` the folder names."""
    names = {name: family for family in DRIVEN for name in (family.name, *family.aliases)}
    return open_driven(names[str(model.class_name)], model, run)
