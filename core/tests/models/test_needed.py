"""Which files of a repository are taken: one form of everything, the whole one where there is a choice."""

from __future__ import annotations

import pytest

from gcodec.models.needed import NotAModel, needed

_SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
_HALVES = ["model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors"]
_INDEX, _HALF_INDEX = "model.safetensors.index.json", "model.safetensors.index.fp16.json"


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (["model.safetensors", "model.fp16.safetensors"], ["model.safetensors"]),
        (["model.safetensors", *_SHARDS, _INDEX], ["model.safetensors"]),
        ([*_SHARDS, _INDEX, *_HALVES, _HALF_INDEX], [*_SHARDS, _INDEX]),
        ([*_HALVES, _HALF_INDEX, "model.ema.safetensors"], [*_HALVES, _HALF_INDEX]),
        (["model.fp16.safetensors", "pytorch_model.bin"], ["model.fp16.safetensors"]),
        (["diffusion_pytorch_model.safetensors", "lora.safetensors"], None),
        (["net.safetensors", "tables.safetensors"], ["net.safetensors", "tables.safetensors"]),
        (
            ["model.safetensors", "diffusion_pytorch_model.safetensors"],
            ["diffusion_pytorch_model.safetensors"],
        ),
        # What shards hold is not known without their index.
        ([*_SHARDS, "model.fp16.safetensors"], ["model.fp16.safetensors"]),
    ],
)
def test_of_weights_in_several_forms_one_is_taken(
    there: list[str], taken: list[str] | None
) -> None:
    taken = there[:1] if taken is None else taken
    beside = ["config.json", "tokenizer.json"]
    assert needed([*there, *beside, "README.md"], None) == sorted([*taken, *beside])
    index = {"_class_name": "Pipe", "unet": ["diffusers", "UNet"]}
    files = [f"unet/{name}" for name in [*there, *beside]]
    wanted = sorted(["model_index.json", *(f"unet/{name}" for name in [*taken, *beside])])
    assert needed(["model_index.json", "model.safetensors", *files], index) == wanted


def test_a_component_is_its_own_folder_alone() -> None:
    index = {"unet": ["diffusers", "UNet"], "vae": [None, None], "steps": 3, "names": ["a"]}
    files = [
        "model_index.json",
        *(f"{folder}/model.safetensors" for folder in ("unet", "unet_2", "vae", "a", "../unet")),
        "unet/old/model.safetensors",
    ]
    assert needed(files, index) == ["model_index.json", "unet/model.safetensors"]


def test_what_judges_finished_pictures_is_left_where_it_is() -> None:
    idle = ("safety_checker", "feature_extractor", "image_encoder")
    index = {name: ["library", "Class"] for name in ("unet", *idle)}
    files = ["model_index.json", *(f"{name}/model.safetensors" for name in index)]
    assert needed(files, index) == ["model_index.json", "unet/model.safetensors"]


@pytest.mark.parametrize(
    ("files", "index", "reason"),
    [
        (["model.safetensors"], None, "neither"),
        (["config.json"], None, "no safetensors"),
        (["config.json", "pytorch_model.bin"], None, "its weights are in none but forms"),
        (["model_index.json", "unet/model.bin"], {"unet": ["a", "b"]}, "the weights in unet"),
        (["model_index.json", "model.safetensors"], {"unet": ["a", "b"]}, "no safetensors"),
    ],
)
def test_what_is_no_model_says_why(
    files: list[str], index: dict[str, object] | None, reason: str
) -> None:
    with pytest.raises(NotAModel, match=reason):
        needed(files, index)
