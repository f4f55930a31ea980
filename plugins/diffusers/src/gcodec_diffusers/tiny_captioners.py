"""Tiny random captioners, saved as folders: layout and classes of published ones, and no sense in what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from gcodec.models import _torchvision_cpu
from gcodec_diffusers.tiny import write
from gcodec_diffusers.tiny_texts import special_words

__all__ = ["CAPTIONERS", "make_captioner"]

_SIDE = 32
_WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[DEC]", "<image>", *"abcdefghijklmnopqrstuvwxyz")
_PAD, _CLS, _SEP, _DEC, _IMAGE = (
    _WORDS.index(word) for word in ("[PAD]", "[CLS]", "[SEP]", "[DEC]", "<image>")
)
_VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": _SIDE,
    "patch_size": 8,
    "initializer_range": 1.0,
}
_TEXT = {
    "vocab_size": len(_WORDS),
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": _DEC,
    "eos_token_id": _SEP,
    "sep_token_id": _SEP,
    "pad_token_id": _PAD,
    # Logits of a random network hardly differ unless its weights are large.
    "initializer_range": 1.0,
}


def make_captioner(kind: str, folder: Path, seed: int = 0) -> Path:
    """Save a captioner of one of `CAPTIONERS` in `folder`; it knows the letters a to z.

    Raises ImportError without transformers.
    """
    _torchvision_cpu.install()
    import transformers

    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = CAPTIONERS[kind](transformers)
        network.save_pretrained(folder)
    processor = {
        "image_processor_type": "BlipImageProcessor",
        "size": {"height": _SIDE, "width": _SIDE},
        "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
    }
    write(folder / "preprocessor_config.json", processor)
    for name, value in _tokenizer().items():
        write(folder / name, value)
    return folder


def _blip(transformers: Any) -> Any:
    text = _TEXT | {"encoder_hidden_size": 16, "projection_dim": 16}
    config = transformers.BlipConfig(
        text_config=text, vision_config=_VISION, projection_dim=16, image_text_hidden_size=16
    )
    return transformers.BlipForConditionalGeneration(config)


def _blip2(transformers: Any) -> Any:
    language = transformers.OPTConfig(
        vocab_size=len(_WORDS),
        hidden_size=16,
        word_embed_proj_dim=16,
        ffn_dim=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=64,
        bos_token_id=_DEC,
        eos_token_id=_SEP,
        pad_token_id=_PAD,
        init_std=1.0,
    )
    config = transformers.Blip2Config(
        vision_config=_VISION,
        qformer_config={
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "encoder_hidden_size": 16,
            "vocab_size": len(_WORDS),
        },
        text_config=language.to_dict(),
        num_query_tokens=4,
        image_token_index=_IMAGE,
    )
    return transformers.Blip2ForConditionalGeneration(config)


def _git(transformers: Any) -> Any:
    text = {k: v for k, v in _TEXT.items() if k != "sep_token_id"} | {"bos_token_id": _CLS}
    return transformers.GitForCausalLM(transformers.GitConfig(vision_config=_VISION, **text))


def _encoder_decoder(transformers: Any) -> Any:
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.ViTConfig(**_VISION),
        transformers.BertConfig(**_TEXT, is_decoder=True, add_cross_attention=True),
        decoder_start_token_id=_CLS,
        pad_token_id=_PAD,
        eos_token_id=_SEP,
    )
    return transformers.VisionEncoderDecoderModel(config=config)


#: How the network of a class is made.
CAPTIONERS: Mapping[str, Callable[[Any], Any]] = {
    "BlipForConditionalGeneration": _blip,
    "Blip2ForConditionalGeneration": _blip2,
    "GitForCausalLM": _git,
    "VisionEncoderDecoderModel": _encoder_decoder,
}


def _tokenizer() -> dict[str, Any]:
    """Words of one letter, with a space between two."""
    special = special_words(word for word in _WORDS if len(word) > 1)
    return {
        "tokenizer.json": {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": special,
            "normalizer": None,
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": None,
            "decoder": None,
            "model": {
                "type": "WordLevel",
                "vocab": {word: number for number, word in enumerate(_WORDS)},
                "unk_token": "[UNK]",
            },
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "bos_token": "[DEC]",
        },
    }
