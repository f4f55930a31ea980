"""Families of diffusers' pipelines that are asked through their own call (`driven`), one record each. Imports no torch.

A family of somebody else's is one such record, in a plugin of theirs (docs/plugins.md):

    FAMILY = Family("acme.pipeline:AcmePipeline")

    def open_acme(model, run):
        from gcodec_diffusers.driven import open_driven
        return open_driven(FAMILY, model, run)

    @hookimpl
    def gcodec_networks():
        return [FAMILY.spec(f"{__name__}:open_acme")]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gcodec.plugin import NetworkSpec

__all__ = ["DRIVEN", "Family"]


def _nothing(pipeline: Any, height: int, width: int) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Family:
    """Pipelines that are asked in the same way.

    pipeline   where the class of the pipeline is: "module:Class".
    unguided   arguments of its call that switch guidance off, so that the network is asked once, and for what it knows.
    multiple   latent positions that the sides of what its network sees are a multiple of.
    network    component that denoises.
    vae        component that is the latent space.
    told       function (pipeline, height, width) -> further arguments of its call, for a picture of that many samples; it
               may also set what the pipeline holds.
    aliases    classes of pipelines whose folders mean the same, "PixArtSigmaPipeline" say.
    paired     whether t and sigma of the flow are not in proportion: then the pipeline's scheduler says which go together.
    few        numbers of steps of folders that are distilled, function (index, network's configuration) -> numbers.
    classes    components whose classes are not where model_index.json says: name -> "module:Class".
    without    components that lie in folders and are not needed.
    along      the path of its schedulers: "flow", "diffusion", "edm" or "trigonometric" (`schedules.path_of`). Its call sets
               timesteps as these want them, and a scheduler of another path would be asked for nonsense.
    """

    pipeline: str
    unguided: Mapping[str, Any] = field(default_factory=lambda: {"guidance_scale": 1.0})
    multiple: int = 2
    network: str = "transformer"
    vae: str = "vae"
    told: Callable[[Any, int, int], Mapping[str, Any]] = _nothing
    aliases: tuple[str, ...] = ()
    paired: bool = False
    few: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[int, ...]] = lambda index, net: ()
    classes: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ("safety_checker", "feature_extractor", "image_encoder")
    along: str = "flow"

    @property
    def name(self) -> str:
        """The class of its pipeline, as model_index.json has it."""
        return self.pipeline.partition(":")[2]

    def spec(self, implementation: str, name: str = "") -> NetworkSpec:
        """What a plugin offers: `implementation` is a function (model, run) that returns `driven.open_driven(family, ...)`.

        name  of an alias.
        """
        return NetworkSpec(
            name or self.name,
            "denoiser",
            "a published pipeline, asked through diffusers' own call",
            implementation,
            "gcodec_diffusers.layout:place_of_pipeline",
            "gcodec_diffusers.plugin:pipelines_missing",
        )


def _at(module: str, name: str) -> str:
    return f"diffusers.pipelines.{module}:{name}"


def _square(pipeline: Any, height: int, width: int) -> Mapping[str, Any]:
    """HiDream scales every picture to one area: here to the picture's own, and not a hair less."""
    pipeline.default_sample_size = (height * width) ** 0.5 / pipeline.vae_scale_factor * (1 + 1e-9)
    return {}


def _no_class(pipeline: Any, height: int, width: int) -> Mapping[str, Any]:
    """DiT's class for no class is the one after the last."""
    return {"class_labels": [pipeline.transformer.config.num_embeds_ada_norm]}


_ZERO: Mapping[str, Any] = {"guidance_scale": 0.0}
#: Turbo and distilled models of a family say so in model_index.json.
_KLEIN = (1, 2, 4)

#: The families, by no particular order but the alphabet's.
DRIVEN: tuple[Family, ...] = (
    Family(_at("aura_flow.pipeline_aura_flow", "AuraFlowPipeline")),
    Family(_at("bria.pipeline_bria", "BriaPipeline")),
    Family(_at("chroma.pipeline_chroma", "ChromaPipeline")),
    Family(_at("cogview3.pipeline_cogview3plus", "CogView3PlusPipeline"), along="diffusion"),
    Family(_at("cogview4.pipeline_cogview4", "CogView4Pipeline"), paired=True),
    Family(_at("dit.pipeline_dit", "DiTPipeline"), told=_no_class, along="diffusion"),
    Family(_at("ernie_image.pipeline_ernie_image", "ErnieImagePipeline"), multiple=1),
    Family(_at("flux2.pipeline_flux2", "Flux2Pipeline"), multiple=1),
    Family(
        _at("flux2.pipeline_flux2_klein", "Flux2KleinPipeline"),
        multiple=1,
        few=lambda index, network: _KLEIN if index.get("is_distilled") else (),
    ),
    Family(
        _at("hidream_image.pipeline_hidream_image", "HiDreamImagePipeline"),
        told=_square,
    ),
    Family(
        _at("hunyuan_image.pipeline_hunyuanimage", "HunyuanImagePipeline"),
        {"distilled_guidance_scale": 1.0},
        multiple=1,
    ),
    Family(
        _at("hunyuandit.pipeline_hunyuandit", "HunyuanDiTPipeline"),
        {"guidance_scale": 1.0, "use_resolution_binning": False},
        along="diffusion",
    ),
    Family(
        _at("kandinsky3.pipeline_kandinsky3", "Kandinsky3Pipeline"),
        multiple=8,
        network="unet",
        vae="movq",
        along="diffusion",
    ),
    Family(
        _at("kolors.pipeline_kolors", "KolorsPipeline"),
        network="unet",
        classes={
            "text_encoder": "diffusers.pipelines.kolors.text_encoder:ChatGLMModel",
            "tokenizer": "diffusers.pipelines.kolors.tokenizer:ChatGLMTokenizer",
        },
        along="diffusion",
    ),
    Family(_at("krea2.pipeline_krea2", "Krea2Pipeline"), _ZERO),
    Family(
        _at("longcat_image.pipeline_longcat_image", "LongCatImagePipeline"),
        {"guidance_scale": 1.0, "enable_prompt_rewrite": False},
    ),
    Family(_at("lumina.pipeline_lumina", "LuminaPipeline"), aliases=("LuminaText2ImgPipeline",)),
    Family(
        _at("lumina2.pipeline_lumina2", "Lumina2Pipeline"), aliases=("Lumina2Text2ImgPipeline",)
    ),
    Family(_at("ovis_image.pipeline_ovis_image", "OvisImagePipeline")),
    Family(
        _at("pixart_alpha.pipeline_pixart_alpha", "PixArtAlphaPipeline"),
        {"guidance_scale": 1.0, "use_resolution_binning": False},
        along="diffusion",
    ),
    Family(
        _at("pixart_alpha.pipeline_pixart_sigma", "PixArtSigmaPipeline"),
        {"guidance_scale": 1.0, "use_resolution_binning": False},
        aliases=("PixArtSigmaPAGPipeline",),
        along="diffusion",
    ),
    Family(
        _at("prx.pipeline_prx", "PRXPipeline"),
        {"guidance_scale": 1.0, "use_resolution_binning": False},
    ),
    Family(_at("qwenimage.pipeline_qwenimage", "QwenImagePipeline"), {"true_cfg_scale": 1.0}),
    Family(
        _at("sana.pipeline_sana", "SanaPipeline"),
        {"guidance_scale": 1.0, "use_resolution_binning": False},
        multiple=1,
        aliases=("SanaPAGPipeline",),
    ),
    Family(
        _at("sana.pipeline_sana_sprint", "SanaSprintPipeline"),
        # Guidance is told to the network, which is asked once; it was distilled for no other strength.
        {"guidance_scale": 4.5, "intermediate_timesteps": None, "use_resolution_binning": False},
        multiple=1,
        along="trigonometric",
    ),
    Family(
        _at("wan.pipeline_wan", "WanPipeline"),
        {"guidance_scale": 1.0, "num_frames": 1},
    ),
    Family(_at("z_image.pipeline_z_image", "ZImagePipeline"), _ZERO),
)
