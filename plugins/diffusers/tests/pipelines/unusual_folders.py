"""Folders that are not as they ought to be: what people find in their caches, save half, or fetch in parts.

`FOLDERS` has for each a function that spoils a good folder in its place, by a name that says how.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Spoil = Callable[[Path], None]
_STEM = "diffusion_pytorch_model"
_UNET, _VAE, _INDEX = "unet/config.json", "vae/config.json", "model_index.json"
_SCHEDULER = "scheduler/scheduler_config.json"


def edit(file: str, **values: Any) -> Spoil:
    """Set keys of a JSON file; None takes one away."""

    def spoil(folder: Path) -> None:
        config = {**json.loads((folder / file).read_text()), **values}
        (folder / file).write_text(json.dumps({k: v for k, v in config.items() if v is not None}))

    return spoil


def put(file: str, data: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(data)

    return spoil


def without(*names: str) -> Spoil:
    def spoil(folder: Path) -> None:
        for name in names:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return spoil


def only(name: str) -> Spoil:
    """One component in the place of the whole."""

    def spoil(folder: Path) -> None:
        part = folder.with_name("part")
        (folder / name).rename(part)
        shutil.rmtree(folder)
        part.rename(folder)

    return spoil


def tensors(part: str, change: Callable[[dict[str, torch.Tensor]], Any]) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / part / f"{_STEM}.safetensors"
        held = load_file(path)
        change(held)
        save_file({k: v.contiguous() for k, v in held.items()}, path, {"format": "pt"})

    return spoil


def pickled(part: str) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / part / f"{_STEM}.safetensors"
        torch.save(load_file(path), path.with_suffix(".bin"))
        path.unlink()

    return spoil


def half(keep: bool) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "unet" / f"{_STEM}.safetensors"
        state = {k: v.half() for k, v in load_file(path).items()}
        save_file(state, path.with_name(f"{_STEM}.fp16.safetensors"), {"format": "pt"})
        if not keep:
            path.unlink()

    return spoil


def sharded(lose: bool = False, index: bytes | None = None) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "unet" / f"{_STEM}.safetensors"
        state = load_file(path)
        names, where = sorted(state), {}
        for number, part in enumerate((names[::2], names[1::2]), 1):
            shard = f"{_STEM}-0000{number}-of-00002.safetensors"
            save_file({name: state[name] for name in part}, path.with_name(shard), {"format": "pt"})
            where.update(dict.fromkeys(part, shard))
        about = json.dumps({"metadata": {"total_size": 1}, "weight_map": where}).encode()
        path.with_name(f"{_STEM}.safetensors.index.json").write_bytes(index or about)
        path.unlink()
        if lose:
            path.with_name(f"{_STEM}-00002-of-00002.safetensors").unlink()

    return spoil


def unet(**settings: Any) -> Spoil:
    """A U-Net of other settings, which fits its weights."""

    def spoil(folder: Path) -> None:
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        config = json.loads((folder / _UNET).read_text())
        torch.manual_seed(0)
        UNet2DConditionModel.from_config({**config, **settings}).save_pretrained(folder / "unet")

    return spoil


def prompt(**named: torch.Tensor) -> Spoil:
    return lambda folder: save_file(named, folder / "empty_prompt.safetensors")


def _fill(value: float) -> Callable[[dict[str, torch.Tensor]], Any]:
    return lambda held: next(v for k, v in held.items() if "conv_in" in k).fill_(value)


def _lone(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    save_file({"model.diffusion_model.x": torch.ones(2)}, folder / "v1-5-pruned.safetensors")


def _lora(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    save_file({"unet.a.lora_A.weight": torch.ones(2)}, folder / "pytorch_lora_weights.safetensors")


def _weights_folder(folder: Path) -> None:
    path = folder / "unet" / f"{_STEM}.safetensors"
    path.unlink()
    path.mkdir()


def _pipe(folder: Path) -> None:
    path = folder / "unet" / f"{_STEM}.safetensors"
    path.unlink()
    os.mkfifo(path)


def _odd_shard(folder: Path) -> None:
    """Weights that would be loaded, and that the model's digest is not of."""
    sharded()(folder)
    index = folder / "unet" / f"{_STEM}.safetensors.index.json"
    shard = index.with_name(f"{_STEM}-00002-of-00002.safetensors")
    index.write_text(index.read_text().replace(shard.name, "more.safetensors"))
    shard.rename(index.with_name("more.safetensors"))


_TEXT = torch.zeros(1, 7, 32)
#: How each is spoilt, and whether it is right all the same.
RIGHT: Mapping[str, Spoil] = {
    "half precision alone": half(False),
    "half precision beside": half(True),
    "shards": sharded(),
    "edm": edit(_SCHEDULER, _class_name="EDMEulerScheduler"),
    "lcm with nothing said": edit(
        _SCHEDULER, _class_name="LCMScheduler", beta_start=None, beta_end=None, beta_schedule=None
    ),
    "a safety checker without weights": put("safety_checker/config.json", b"{}"),
    "a stray adapter": put("unet/pytorch_lora_weights.safetensors", b"no safetensors"),
    "guidance distilled": unet(time_cond_proj_dim=8),
    "perco without its tokens": edit(_INDEX, _class_name="StableDiffusionPipelinePerco"),
    "more in the index": edit(_INDEX, more=[None, None], some={"a": 1}, that=3),
}
WRONG: Mapping[str, Spoil] = {
    "no unet": without("unet"),
    "no unet config": without(_UNET),
    "no unet weights": without(f"unet/{_STEM}.safetensors"),
    "unet weights a folder": _weights_folder,
    "unet pickled": pickled("unet"),
    "vae pickled": pickled("vae"),
    "a shard lost": sharded(lose=True),
    "an index that is none": sharded(index=b"{]"),
    "an index without a map": sharded(index=b'{"metadata": {}}'),
    "unet weights empty": put(f"unet/{_STEM}.safetensors", b""),
    "unet weights cut": put(f"unet/{_STEM}.safetensors", b"\x40\0\0\0\0\0\0\0{"),
    "unet weights html": put(f"unet/{_STEM}.safetensors", b"<html>not found</html>"),
    "unet weights a pointer": put(f"unet/{_STEM}.safetensors", b"version https://git-lfs\n"),
    "unet config no json": put(_UNET, b"{"),
    "unet config a list": put(_UNET, b"[]"),
    "unet config not text": put(_UNET, b"\xff\xfe\0"),
    "unet of another size": edit(_UNET, block_out_channels=[8, 32]),
    "unet of no size": edit(_UNET, block_out_channels=[]),
    "unet of a word for a size": edit(_UNET, block_out_channels="wide"),
    "unet of negative size": edit(_UNET, block_out_channels=[-8, 16]),
    "unet of unknown blocks": edit(_UNET, down_block_types=["A", "B"]),
    "a unet to inpaint": unet(in_channels=9),
    "a unet that answers more": unet(out_channels=8),
    "a unet told a class": unet(num_class_embeds=10),
    "a unet told an image": unet(encoder_hid_dim_type="image_proj", encoder_hid_dim=8),
    "a unet told times": unet(
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=40,
    ),
    "quantized": edit(_UNET, quantization_config={"quant_method": "bitsandbytes"}),
    "a tensor missing": tensors("unet", lambda held: held.popitem()),
    "a tensor more": tensors("unet", lambda held: held.update(more=torch.ones(1))),
    "a tensor reshaped": tensors(
        "unet", lambda held: held.update({"conv_in.bias": held["conv_in.bias"][:1]})
    ),
    "unet not a number": tensors("unet", _fill(float("nan"))),
    "unet infinite": tensors("unet", _fill(float("inf"))),
    "vae not a number": tensors(
        "vae", lambda held: held["decoder.conv_in.weight"].fill_(float("nan"))
    ),
    "no index": without(_INDEX),
    "index no json": put(_INDEX, b"{"),
    "index a list": put(_INDEX, b"[]"),
    "index without a class": edit(_INDEX, _class_name=None),
    "index of a class that is no text": edit(_INDEX, _class_name=["own", "Pipeline"]),
    "index of an unknown class": edit(_INDEX, _class_name="StableCascadeCombinedPipeline"),
    "index of an upscaler": edit(_INDEX, _class_name="StableDiffusionUpscalePipeline"),
    "index of sdxl": edit(_INDEX, _class_name="StableDiffusionXLPipeline"),
    "index of sd3": edit(_INDEX, _class_name="StableDiffusion3Pipeline"),
    "index of flux": edit(_INDEX, _class_name="FluxPipeline"),
    "index of pixels": edit(_INDEX, _class_name="DDPMPipeline"),
    "no vae": without("vae"),
    "no vae weights": without(f"vae/{_STEM}.safetensors"),
    "vae of no class": edit(_VAE, _class_name=None, architectures=None),
    "vae of an unknown class": edit(_VAE, _class_name="MyVAE"),
    "vae of another class": edit(_VAE, _class_name="AutoencoderDC"),
    "vae of other channels": edit(_VAE, latent_channels=5),
    "vae scaled by nothing": edit(_VAE, scaling_factor=0),
    "vae scaled by no number": edit(_VAE, scaling_factor=float("nan")),
    "vae scaled by a word": edit(_VAE, scaling_factor="much"),
    "vae of means of another length": edit(_VAE, latents_mean=[0.0, 1.0], latents_std=[1.0, 1.0]),
    "no scheduler": without("scheduler"),
    "scheduler of no class": edit(_SCHEDULER, _class_name=None),
    "scheduler of an unknown class": edit(_SCHEDULER, _class_name="NewScheduler"),
    "scheduler of an odd prediction": edit(_SCHEDULER, prediction_type="score"),
    "scheduler of no steps": edit(_SCHEDULER, num_train_timesteps=0),
    "scheduler of a word for steps": edit(_SCHEDULER, num_train_timesteps="many"),
    "scheduler of no number": edit(_SCHEDULER, beta_end=float("nan")),
    "scheduler of betas beyond 1": edit(_SCHEDULER, beta_end=12.0),
    "scheduler of endless steps": edit(_SCHEDULER, num_train_timesteps=10**9),
    "scheduler of a table of betas": edit(_SCHEDULER, trained_betas=[[0.1, 0.2]]),
    "scheduler nested too deep": put(_SCHEDULER, b"[" * 100_000),
    "index nested too deep": put(_INDEX, b"[" * 100_000),
    "vae config nested too deep": put(_VAE, b"[" * 100_000),
    "flow of no steps": edit(
        _SCHEDULER, _class_name="FlowMatchEulerDiscreteScheduler", num_train_timesteps=0
    ),
    "edm of no deviation": edit(_SCHEDULER, _class_name="EDMEulerScheduler", sigma_data=0),
    "edm without an end": edit(_SCHEDULER, _class_name="EDMEulerScheduler", sigma_max=float("inf")),
    "edm of negative noise": edit(_SCHEDULER, _class_name="EDMEulerScheduler", sigma_max=-1),
    "a unet of heads of nothing": edit(_UNET, attention_head_dim=0),
    "unet weights a pipe": _pipe,
    "a shard of another name": _odd_shard,
    "edm of a word": edit(_SCHEDULER, _class_name="EDMEulerScheduler", sigma_max="high"),
    "nothing said of no caption": without("empty_prompt.safetensors"),
    "stored prompt no safetensors": put("empty_prompt.safetensors", b"text"),
    "stored prompt of another width": prompt(text=torch.zeros(1, 7, 5)),
    "stored prompt of other names": prompt(words=_TEXT),
    "stored prompt of no batch": prompt(text=torch.zeros(7)),
    "a controlnet without weights": put("controlnet/config.json", b"{}"),
    "one file": _lone,
    "an adapter alone": _lora,
    "a unet alone": only("unet"),
    "a scheduler alone": only("scheduler"),
    "a vae alone": only("vae"),
}
