"""What is of another type than its argument is refused by the argument's name, and never by an error of Python's own."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gcodec
from gcodec.errors import InvalidArgument, UsageError
from gcodec.pipeline.decoding import decode_progressively
from gcodec.registry import registry

pytestmark = pytest.mark.usefixtures("installed")

PICTURE = gcodec.Picture(np.full((3, 16, 16), 0.5, np.float32))
#: Of none of the types below.
WRONG = (3, 2.5, b"tiny", {1}, object())


def refused(name: str, call: Callable[[Any], Any], *also: object) -> None:
    for wrong in (*WRONG, *also):
        with pytest.raises(InvalidArgument, match=name):
            call(wrong)


@pytest.mark.parametrize("name", ["target", "options", "model", "suggest", "run"])
def test_encode_names_an_argument_of_another_type(name: str) -> None:
    refused(name, lambda wrong: gcodec.encode(PICTURE, "tiny", **{name: wrong}), ["tiny"])
    refused("companions", lambda wrong: gcodec.encode(PICTURE, "tiny", companions=wrong), "a.gcx")


@pytest.mark.parametrize("name", ["reconstructor", "options", "model", "via", "run"])
def test_decode_names_an_argument_of_another_type(name: str) -> None:
    data = gcodec.encode(PICTURE, "tiny").data
    refused(name, lambda wrong: gcodec.decode(data, **{name: wrong}), ["tiny"])
    refused("run", lambda wrong: gcodec.verify(data, run=wrong))


def test_a_plugin_is_asked_for_by_its_name() -> None:
    refused("name", lambda wrong: gcodec.encode(PICTURE, wrong), None, ["tiny"])
    refused("name", registry().embedding, None, ["tiny"])
    refused("name", registry().reconstructor, None, ["tiny"])
    nameless: Any
    for nameless in ((3, {}), (None, {})):
        with pytest.raises(InvalidArgument, match="name is a str"):
            gcodec.encode(PICTURE, "tiny", suggest=nameless)
    settings: Any
    for settings in (3, None, ["amount"]):
        with pytest.raises(InvalidArgument, match="settings is a Mapping"):
            gcodec.encode(PICTURE, "tiny", suggest=("grain", settings))


def test_a_picture_is_saved_at_a_path_or_in_a_stream() -> None:
    refused("at a path or in a stream", lambda wrong: gcodec.save_image(PICTURE, wrong), None)
    refused("made is a Decoded", lambda wrong: gcodec.save_decoded(wrong, io.BytesIO()), PICTURE)


def test_layers_are_counted_in_whole_numbers() -> None:
    data = gcodec.encode(PICTURE, "tiny").data
    for wrong in (0, 1.5, "2", None):
        with pytest.raises(UsageError, match="it takes 1 or more"):
            next(decode_progressively(data, every=wrong))  # type: ignore[arg-type]
