"""A file opened on the receiver's side: companions beside the main embedding, and options that do not travel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sample_codecs

import gcodec_formats as gcx
from gcodec.errors import NoPath, PayloadError, UnknownPlugin
from gcodec.pipeline import decode, encode
from gcodec.signals import Preview, Text
from gcodec.stage1 import open_stage1

if TYPE_CHECKING:
    from gcodec.images import Picture

pytestmark = pytest.mark.usefixtures("installed")


def with_companion(data: bytes, companion: gcx.Identity, *payloads: bytes) -> bytes:
    """Put another embedding's layers into a file."""
    file = gcx.read(data)
    bodies = [gcx.pack_companion(companion, payload) for payload in payloads]
    companions = [gcx.Segment(gcx.COMPANION, body) for body in bodies]
    return gcx.write(replace(file, segments=(*companions, *file.segments)))


def test_signals_of_companions_and_main_come_together(photo: Picture) -> None:
    words = encode(photo, "test/words").data
    (caption,) = gcx.read(words).bodies(gcx.MAIN)
    both = with_companion(
        encode(photo, "tiny").data, gcx.Identity(name="test/words", profile=1), caption
    )
    stage1 = open_stage1(both)
    text, preview = stage1.signals()
    assert isinstance(text, Text) and text.value
    assert isinstance(preview, Preview)
    assert stage1.main.spec.name == "tiny"
    assert stage1.makes == ("text", "preview")
    assert decode(both).embedding == "tiny"


def test_the_digest_covers_every_part(photo: Picture) -> None:
    plain = encode(photo, "tiny").data
    caption = gcx.Identity(name="test/words", profile=1)
    digests = {
        open_stage1(data).symbol_digest()
        for data in (
            plain,
            with_companion(plain, caption, b"a harbour"),
            with_companion(plain, caption, b"a parrot"),
        )
    }
    assert len(digests) == 3


def test_a_companion_supplies_what_the_main_embedding_lacks(photo: Picture) -> None:
    words = encode(photo, "test/words").data
    with pytest.raises(NoPath):
        decode(words, "preview")
    (layer,) = gcx.read(encode(photo, "tiny").data).bodies(gcx.MAIN)
    both = with_companion(words, gcx.Identity(id=200, profile=1), layer)
    assert decode(both, "preview").picture.pixels.shape == photo.pixels.shape


def test_a_companion_that_is_not_installed_is_named(photo: Picture) -> None:
    both = with_companion(
        encode(photo, "tiny").data, gcx.Identity(name="acme/nowhere", profile=1), b"?"
    )
    with pytest.raises(UnknownPlugin, match="acme/nowhere"):
        decode(both)


def test_the_sender_notices_a_decoder_that_leans_on_the_senders_options(
    photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = sample_codecs.Tiny.decode

    def leaning(self: sample_codecs.Tiny, layers: Any, size: gcx.Size) -> Any:
        if self.setup.options["levels"] != layers[0][1] + 1:
            raise PayloadError("tiny", "made with other options than mine")
        return honest(self, layers, size)

    monkeypatch.setattr(sample_codecs.Tiny, "decode", leaning)
    assert encode(photo, "tiny").data
    with pytest.raises(PayloadError, match="other options"):
        encode(photo, "tiny", options={"levels": 16})
