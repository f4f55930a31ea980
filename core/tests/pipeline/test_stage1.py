"""A file opened on the receiver's side: companions beside the main embedding, and options that do not travel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sample_codecs

import gcodec_formats as gcx
from gcodec.errors import (
    ImageError,
    NoPath,
    PayloadError,
    UnknownPlugin,
    UnknownProfile,
    UsageError,
)
from gcodec.interfaces import Setup
from gcodec.pipeline.decoding import decode, decode_progressively, verify
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.kept import Kept, set_up
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.stage1 import open_stage1
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Preview, Text

if TYPE_CHECKING:
    from pathlib import Path

    from gcodec.pictures import Picture

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


def test_a_finished_file_travels_as_a_companion(photo: Picture) -> None:
    words = encode(photo, "test/words").data
    both = encode(photo, "tiny", companions=[words]).data
    (caption,) = gcx.read(words).bodies(gcx.MAIN)
    assert both == with_companion(
        encode(photo, "tiny").data, gcx.Identity(name="test/words", profile=1), caption
    )
    with pytest.raises(UsageError, match="companion 2: another of the same embedding"):
        encode(photo, "tiny", companions=[words, words])
    # What was built on another would decode to something else: companions are told of none.
    with pytest.raises(UsageError, match="companion 2 has a companion itself"):
        encode(photo, "tiny", companions=[words, both])


def test_a_companion_that_cannot_be_read_is_named(photo: Picture, tmp_path: Path) -> None:
    words = tmp_path / "words.gcx"
    with pytest.raises(ImageError, match=r"companion .*words\.gcx: cannot be read"):
        encode(photo, "tiny", companions=[words])
    words.write_bytes(encode(photo, "test/words").data[:-1])
    with pytest.raises(gcx.FormatError, match=r"companion .*words\.gcx: .*fetch it again"):
        encode(photo, "tiny", companions=[words])
    with pytest.raises(gcx.FormatError, match="companion 1: not a GCX file"):
        encode(photo, "tiny", companions=[b"GIF89a"])
    file = gcx.read(encode(photo, "tiny").data)
    header = replace(file.header, identity=gcx.Identity(id=200, profile=9))
    with pytest.raises(UnknownProfile, match=r"^companion: the installed 'tiny' has no profile 9"):
        encode(photo, "tiny", companions=[gcx.write(replace(file, header=header))])
    segments = (gcx.Segment(gcx.MAIN, b""),)
    with pytest.raises(PayloadError, match=r"^companion: payload of 'tiny'"):
        encode(photo, "tiny", companions=[gcx.write(replace(file, segments=segments))])


def test_a_file_that_never_goes_without_companions_takes_none(photo: Picture) -> None:
    data, words = encode(photo, "tiny").data, encode(photo, "test/words").data
    for use in (decode, verify, lambda *a, **k: list(decode_progressively(*a, **k))):
        with pytest.raises(UsageError, match="'tiny' has all companions inside"):
            use(data, companions=[words])


def test_a_target_counts_the_companion(photo: Picture) -> None:
    words = encode(photo, "test/words").data
    alone = encode(photo, "tiny", target=Target(quality=0.9))
    limit = Target(bytes=len(alone.data))
    both = encode(photo, "tiny", target=limit, companions=[words])
    assert len(both.data) <= len(alone.data)
    assert both.quality < encode(photo, "tiny", target=limit).quality


def test_both_sides_build_on_what_companions_say(
    photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sender, check and receiver have the same signals."""
    seen: list[tuple[str, ...]] = []
    build = sample_codecs.Tiny.__init__

    def spying(self: sample_codecs.Tiny, setup: Setup) -> None:
        seen.append(tuple(signal.kind for signal in setup.beside))
        build(self, setup)

    monkeypatch.setattr(sample_codecs.Tiny, "__init__", spying)
    both = encode(photo, "tiny", companions=[encode(photo, "test/words").data]).data
    open_stage1(both)
    assert seen == [("text",), ("text",)]


def test_a_companion_of_another_picture_or_seed_is_refused(photo: Picture) -> None:
    small = replace(photo, pixels=photo.pixels[:, :8, :8].copy())
    with pytest.raises(UsageError, match="8x8"):
        encode(photo, "tiny", companions=[encode(small, "tiny").data])
    with pytest.raises(UsageError, match="seed"):
        encode(photo, "tiny", companions=[encode(photo, "tiny", run=Run(seed=5)).data])


def test_a_session_sets_up_anew_for_another_companion_that_says_the_same() -> None:
    """Signals alike may come of pictures that only one of two embeddings has exactly."""
    spec, run = registry().embedding("tiny"), Run(opened=Kept(4))
    made = [
        set_up(spec, Setup(run, {option.name: option.default for option in spec.options}, exact=e))
        for e in ({}, {"tiny": lambda: None}, {})
    ]
    assert made[0] is made[2] is not made[1]
