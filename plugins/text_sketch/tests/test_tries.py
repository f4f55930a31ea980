"""What a sender of `text_sketch` has to choose from: words where the judge reads them, a sketch where it sees one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import gcodec
from gcodec.errors import InvalidOption, TargetTooSmall
from gcodec.interfaces import Reconstructor, Setup, Size
from gcodec.plugin import ReconstructorSpec, hookimpl
from gcodec.run import Run
from gcodec.signals import Preview, Signal, Text
from gcodec.testing import pictures
from gcodec_text_sketch.embedding import TextSketch

CAPTION = "Two birds with colorful feathers in front of green leaves."
PHOTO = pictures.photograph(128, 192)
BOTH = ("preview", "sketch", "text")


class Reader(Reconstructor):
    """The preview, and the blacker the longer the caption."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> Any:
        preview, text = signals["preview"], signals.get("text")
        assert isinstance(preview, Preview)
        length = len(text.value) if isinstance(text, Text) else 0
        return preview.pixels * np.float32(0.9**length)


class Listening:
    """A plugin whose reconstructor reads."""

    GCODEC_INTERFACE = 1

    @hookimpl
    def gcodec_reconstructors(self) -> list[ReconstructorSpec]:
        return [
            ReconstructorSpec(
                "me/reader", "x", f"{__name__}:Reader", needs=(("preview",),), uses=("text",)
            )
        ]


def contents(heard: tuple[str, ...], **options: Any) -> list[tuple[str, bytes]]:
    """Caption and the rest of every file that there is to try, the one without trials first."""
    values = {"text": CAPTION, "others": "", "captioner": "", "colour": "small"} | options
    codec = TextSketch(Setup(Run(), values))
    first = codec.analyse(pictures.as_picture(PHOTO).pixels)
    made = []
    for analysis in (first, *codec.alternatives(first, heard)):
        layers = codec.encode(analysis, 0.25)
        assert (len(layers[0]),) == codec.sizes(analysis, 0.25)
        text = codec.decode(layers, Size(128, 192))[0]
        assert isinstance(text, Text)
        made.append((text.value, layers[0]))
    return made


def test_words_are_tried_only_on_who_reads_and_edges_only_on_who_sees() -> None:
    every = contents(BOTH)
    half = "Two birds with colorful feathers"
    assert {text for text, _ in every} == {CAPTION, half, ""}
    assert {text for text, _ in contents(("preview", "sketch"))} == {CAPTION}
    assert len(contents(("preview",))) < len(contents(("preview", "sketch")))
    layers = [layer for _, layer in every]
    assert len({*layers}) == len(layers) > 8  # nothing is tried twice


def test_another_split_of_the_bytes_costs_fewer_at_the_same_level() -> None:
    (_, plain), *others = contents(("preview", "sketch"))
    assert all(len(other) < len(plain) for _, other in others)


def test_captions_that_were_offered_are_tried_first() -> None:
    texts = dict.fromkeys(text for text, _ in contents(BOTH, others=" two  birds | birds|"))
    assert list(texts)[:3] == [CAPTION, "two birds", "birds"]


@pytest.mark.parametrize("text", ["", "birds"])
def test_without_colours_and_words_there_is_little_to_choose(text: str) -> None:
    assert len(contents(("preview",), colour="off", text=text)) == 1


def test_a_caption_that_cannot_be_sent_is_refused_among_others_too() -> None:
    with pytest.raises(InvalidOption) as caught:
        contents(BOTH, others="birds|\ud800")
    assert caught.value.option == "others"


def test_a_judge_that_reads_gets_the_words_that_serve_it() -> None:
    picture = pictures.as_picture(PHOTO)
    how: dict[str, Any] = {"options": {"text": CAPTION}, "target": gcodec.Target(bytes=60)}
    with gcodec.register(Listening()):
        trials = gcodec.Trials(12, "me/reader", metric="psnr")
        made = gcodec.encode(picture, "text_sketch", trials=trials, **how)
        assert made.judged is not None and made.judged.plain is not None
        assert made.judged.chosen > made.judged.plain + 3
        assert gcodec.inspect(made.data)["bytes"] <= 60
        # In so few bytes no caption of ten words fits.
        how["target"] = gcodec.Target(bytes=28)
        with pytest.raises(TargetTooSmall):
            gcodec.encode(picture, "text_sketch", **how)
        made = gcodec.encode(picture, "text_sketch", trials=trials, **how)
        assert len(made.data) <= 28
        assert made.judged is not None and made.judged.plain is None
