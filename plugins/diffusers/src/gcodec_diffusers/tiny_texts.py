"""Tiny random text encoders for the pipelines of `tiny`, with tokenizers in both forms in which they are published."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from gcodec.models import _torchvision_cpu
from gcodec_diffusers.layout import EMPTY_PROMPT
from gcodec_diffusers.tiny import POOLED, TEXT, write

__all__ = ["add_t5", "add_texts", "special_words"]


def add_texts(kind: str, folder: Path, seed: int = 0) -> Path:
    """Give a pipeline that `make` made text encoders and tokenizers in the place of the stored empty prompt.

    They know the letters a to z. Raises ImportError without transformers.
    """
    _torchvision_cpu.install()
    import transformers

    (folder / EMPTY_PROMPT).unlink(missing_ok=True)
    index = json.loads((folder / "model_index.json").read_text("utf-8"))
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        for number, cls, width, pooled in _TEXT_ENCODERS[kind]:
            config, tokenizer = (_T5 if cls == "T5EncoderModel" else _CLIP)(width, pooled)
            encoder = getattr(transformers, cls)(
                getattr(transformers, config.pop("class"))(**config)
            )
            encoder.save_pretrained(folder / f"text_encoder{number}")
            for name, value in tokenizer.items():
                write(folder / f"tokenizer{number}" / name, value)
            index[f"text_encoder{number}"] = ["transformers", cls]
            name = tokenizer["tokenizer_config.json"]["tokenizer_class"]
            index[f"tokenizer{number}"] = ["transformers", name]
    write(folder / "model_index.json", index)
    return folder


def add_t5(folder: Path, seed: int = 0) -> Path:
    """Give a pipeline of one of `tiny_families.TINY` a T5, or the UMT5 of AuraFlow, in the place of the stored prompt.

    Raises ImportError without transformers.
    """
    _torchvision_cpu.install()
    import transformers

    (folder / EMPTY_PROMPT).unlink(missing_ok=True)
    index = json.loads((folder / "model_index.json").read_text("utf-8"))
    kind = "UMT5" if index["_class_name"] == "AuraFlowPipeline" else "T5"
    config, tokenizer = _T5(TEXT, 0)
    del config["class"]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        settings = getattr(transformers, f"{kind}Config")(**config)
        getattr(transformers, f"{kind}EncoderModel")(settings).save_pretrained(
            folder / "text_encoder"
        )
    for name, value in tokenizer.items():
        write(folder / "tokenizer" / name, value)
    index["text_encoder"] = ["transformers", f"{kind}EncoderModel"]
    index["tokenizer"] = ["transformers", tokenizer["tokenizer_config.json"]["tokenizer_class"]]
    write(folder / "model_index.json", index)
    return folder


_LETTERS = "abcdefghijklmnopqrstuvwxyz"
#: Number of the component, class, width and width of the pooled embedding.
_TEXT_ENCODERS: Mapping[str, tuple[tuple[str, str, int, int], ...]] = {
    "sd15": (("", "CLIPTextModel", TEXT, 0),),
    "sd21": (("", "CLIPTextModel", TEXT, 0),),
    "perco": (("", "CLIPTextModel", TEXT, 0),),
    "sdxl": (
        ("", "CLIPTextModel", TEXT // 2, 0),
        ("_2", "CLIPTextModelWithProjection", TEXT // 2, POOLED),
    ),
    "sdxl-refiner": (("_2", "CLIPTextModelWithProjection", TEXT, POOLED),),
    "sd3": (
        ("", "CLIPTextModelWithProjection", TEXT // 4, POOLED // 2),
        ("_2", "CLIPTextModelWithProjection", TEXT // 2, POOLED // 2),
        ("_3", "T5EncoderModel", TEXT, 0),
    ),
    "flux": (("", "CLIPTextModel", POOLED, 0), ("_2", "T5EncoderModel", TEXT, 0)),
}


def _CLIP(width: int, pooled: int) -> tuple[dict[str, Any], dict[str, Any]]:
    words = [
        *_LETTERS,
        *(f"{letter}</w>" for letter in _LETTERS),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    config = {
        "class": "CLIPTextConfig",
        "vocab_size": len(words),
        "hidden_size": width,
        "intermediate_size": width,
        "projection_dim": pooled or width,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "bos_token_id": len(words) - 2,
        "eos_token_id": len(words) - 1,
        "pad_token_id": len(words) - 1,
    }
    return config, {
        "vocab.json": {word: number for number, word in enumerate(words)},
        "merges.txt": "#version: 0.2\n",
        "tokenizer_config.json": {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77},
    }


def special_words(words: Iterable[str]) -> list[dict[str, Any]]:
    """The first words of a vocabulary as the special tokens of a `tokenizer.json`."""
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return [
        {"id": number, "content": word, **plain, "special": True}
        for number, word in enumerate(words)
    ]


def _T5(width: int, pooled: int) -> tuple[dict[str, Any], dict[str, Any]]:
    words = ["<pad>", "</s>", "<unk>", *_LETTERS]
    config = {
        "class": "T5Config",
        "vocab_size": len(words),
        "d_model": width,
        "d_kv": width // 2,
        "d_ff": width,
        "num_layers": 1,
        "num_heads": 2,
    }
    special = special_words(words[:3])
    end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
    sequence = {"Sequence": {"id": "A", "type_id": 0}}
    return config, {
        "tokenizer.json": {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": special,
            "normalizer": None,
            "pre_tokenizer": {
                "type": "Split",
                "pattern": {"Regex": ""},
                "behavior": "Isolated",
                "invert": False,
            },
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [sequence, end],
                "pair": [sequence, end],
                "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
            },
            "decoder": None,
            "model": {
                "type": "WordLevel",
                "vocab": {word: number for number, word in enumerate(words)},
                "unk_token": "<unk>",
            },
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": 512,
            "pad_token": "<pad>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
        },
    }
