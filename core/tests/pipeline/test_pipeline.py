"""Image -> file -> image through a small codec: what travels, what it costs, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sample_codecs
import support
from safetensors.numpy import save_file

import gcodec_formats as gcx
from gcodec.errors import (
    ImageError,
    InvalidOption,
    ModelMissing,
    NoPath,
    PayloadError,
    TargetTooSmall,
    UnknownOption,
    UnknownPlugin,
    UnknownProfile,
    UnusablePlugin,
    VerificationError,
)
from gcodec.models import ModelStore, folder_digest
from gcodec.pipeline.decoding import decode, decode_progressively, verify
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.run import Run
from gcodec_formats import registry as numbers

if TYPE_CHECKING:
    from gcodec.pictures import Picture

pytestmark = pytest.mark.usefixtures("installed")

BEST = Target(quality=1.0)


def rewritten(data: bytes, **changes: Any) -> bytes:
    """Write a file again with another main payload (`payload`), or another `identity` or `extensions`."""
    file = gcx.read(data)
    payload = changes.pop("payload", None)
    segments = [
        gcx.Segment(gcx.MAIN, payload) if payload is not None and s.type == gcx.MAIN else s
        for s in file.segments
    ]
    header = replace(file.header, **changes)
    return gcx.write(replace(file, header=header, segments=segments))


def gain_model(folder: Path, gain: float) -> str:
    """Make a model folder for `test/weighted` and return its digest."""
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    save_file(
        {"gain": np.array([gain], np.float32)}, folder / "diffusion_pytorch_model.safetensors"
    )
    return folder_digest(folder)


def store(*folders: Path) -> Run:
    return Run(models=ModelStore((), folders))


# --- the way there and back


def test_a_picture_comes_back_through_bytes(photo: Picture) -> None:
    made = encode(photo, "tiny", target=BEST)
    again = decode(made.data)
    assert (again.embedding, again.reconstructor, again.missing) == ("tiny", "preview", 0)
    assert again.picture.pixels.dtype == np.float32
    assert np.array_equal((again.picture.pixels * 255).round(), (photo.pixels * 255).round())
    assert set(made.seconds) == {"analyse", "code", "check"}
    assert set(again.seconds) == {"open", "stage1", "stage2"}
    assert all(value >= 0 for value in (*made.seconds.values(), *again.seconds.values()))


def test_more_quality_is_more_bytes_and_a_better_picture(photo: Picture) -> None:
    made = [encode(photo, "tiny", target=Target(quality=q)) for q in (0, 0.5, 1)]
    sizes = [len(m.data) for m in made]
    values = [support.psnr(decode(m.data).picture.pixels, photo.pixels) for m in made]
    assert sizes == sorted(set(sizes))
    assert values == sorted(set(values))
    assert len(encode(photo, "tiny").data) == sizes[1], "the default is quality 0.5"


@pytest.mark.parametrize("target", [Target(bpp=0.5), Target(bytes=300), Target(bytes=26)], ids=str)
def test_a_size_target_counts_the_whole_file(photo: Picture, target: Target) -> None:
    limit = target.limit(45 * 61)
    assert limit is not None
    made = encode(photo, "tiny", target=target)
    assert len(made.data) <= limit
    side = gcx.read(made.data).bodies(gcx.MAIN)[0][0]
    finer = encode(photo, "tiny", target=Target(quality=made.quality + 1 / 6))
    assert side == 1 or len(finer.data) > limit, "a larger file would have fitted"


def test_a_target_below_the_smallest_file_says_how_small_it_gets(photo: Picture) -> None:
    smallest = len(encode(photo, "tiny", target=Target(quality=0)).data)
    with pytest.raises(TargetTooSmall) as caught:
        encode(photo, "tiny", target=Target(bytes=smallest - 1))
    assert (caught.value.smallest, caught.value.target) == (smallest, smallest - 1)
    assert len(encode(photo, "tiny", target=Target(bytes=smallest)).data) == smallest


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 2), (64, 64), (65, 63)])
def test_any_size_goes_through(shape: tuple[int, int], photo: Picture) -> None:
    pixels = np.random.Generator(np.random.PCG64(1)).random((3, *shape), np.float32)
    made = encode(replace(photo, pixels=pixels), "tiny", target=BEST)
    again = decode(made.data).picture.pixels
    assert again.shape == pixels.shape
    assert np.abs(again - pixels).max() <= 0.5 / 255 + 1e-6


def test_a_picture_beyond_the_limits_is_refused_before_any_work(photo: Picture) -> None:
    run = Run(limits=gcx.Limits(pixels=45 * 61 - 1))
    with pytest.raises(ImageError, match="61x45"):
        encode(photo, "tiny", run=run)
    pixels = np.broadcast_to(np.float32(0), (3, 1, (1 << 16) + 1))
    with pytest.raises(ImageError, match="65537x1"):
        encode(replace(photo, pixels=pixels), "tiny")


# --- what a file costs


@pytest.mark.parametrize("shape", [(1, 1), (127, 129), (1, 65536)])
def test_a_registered_profile_costs_twelve_bytes_at_any_size(
    shape: tuple[int, int], photo: Picture
) -> None:
    pixels = np.full((3, *shape), 0.5, np.float32)
    data = encode(replace(photo, pixels=pixels), "tiny", target=Target(quality=0)).data
    (payload,) = gcx.read(data).bodies(gcx.MAIN)
    assert len(data) - len(payload) == 12


def test_an_unregistered_model_costs_at_most_twenty_four(
    photo: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: Any
) -> None:
    digest = gain_model(tmp_path / "m", 0.5)
    monkeypatch.setitem(
        installed.embeddings, "tiny", replace(installed.embeddings["tiny"], model=digest)
    )
    data = encode(photo, "tiny", run=store(tmp_path / "m")).data
    (payload,) = gcx.read(data).bodies(gcx.MAIN)
    assert gcx.read(data).header.identity.digest == bytes.fromhex(digest)[:8]
    assert len(data) - len(payload) == 20 <= 24
    # Under a name instead of a number, the name's length comes on top and nothing else.
    data = encode(photo, "test/weighted", model=digest, run=store(tmp_path / "m")).data
    (payload,) = gcx.read(data).bodies(gcx.MAIN)
    assert len(data) - len(payload) == 20 + 1 + len("test/weighted")


def test_an_unregistered_embedding_travels_by_name(photo: Picture) -> None:
    data = encode(photo, "test/named").data
    assert b"test/named" in data
    assert gcx.read(data).header.identity.name == "test/named"
    assert decode(data).embedding == "test/named"


# --- models


def test_the_file_finds_its_model_by_digest_alone(photo: Picture, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    digest = gain_model(right, 0.5)
    gain_model(wrong, 0.25)
    data = encode(photo, "test/weighted", model=str(right), target=BEST, run=store()).data
    again = decode(data, run=store(wrong, right)).picture.pixels
    assert support.psnr(again, photo.pixels) > 45
    assert verify(data, run=store(wrong, right))["model"] == digest


def test_what_no_store_has_the_embedding_may_find(
    photo: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, run = gain_model(tmp_path / "m", 0.5), store(tmp_path / "m")
    monkeypatch.setitem(sample_codecs.ELSEWHERE, "theirs.pth.tar", digest)
    monkeypatch.setitem(sample_codecs.ELSEWHERE, "fetch other", digest)
    data = encode(photo, "test/weighted", model="theirs.pth.tar", run=run).data
    assert verify(data, run=run)["model"] == digest
    for unknown in "other", "none":  # encoding downloads nothing
        with pytest.raises(ModelMissing, match=unknown):
            encode(photo, "test/weighted", model=unknown, run=run)


def test_without_its_model_a_file_is_refused_and_never_decoded_with_another(
    photo: Picture, tmp_path: Path
) -> None:
    digest = gain_model(tmp_path / "right", 0.5)
    gain_model(tmp_path / "wrong", 0.25)
    data = encode(photo, "test/weighted", model=digest, run=store(tmp_path / "right")).data
    for run in store(), store(tmp_path / "wrong"):
        with pytest.raises(ModelMissing) as caught:
            decode(data, run=run)
        assert caught.value.model == digest[:16]
        with pytest.raises(ModelMissing):
            verify(data, run=run)


def test_a_changed_model_digest_in_the_file_is_noticed(photo: Picture, tmp_path: Path) -> None:
    digest = gain_model(tmp_path / "m", 0.5)
    run = store(tmp_path / "m")
    data = encode(photo, "test/weighted", model=digest, run=run).data
    other = gcx.Identity(name="test/weighted", digest=b"\0" * 8)
    with pytest.raises(ModelMissing):
        decode(rewritten(data, identity=other), run=run)


def test_a_reconstructor_without_its_weights_is_refused_with_their_name(photo: Picture) -> None:
    with pytest.raises(ModelMissing, match="test/none"):
        decode(encode(photo, "tiny").data, "heavy")


# --- reconstructors, suggestions, seeds


def test_the_receiver_chooses_the_reconstructor_and_adapters_run(photo: Picture) -> None:
    made = decode(encode(photo, "tiny", target=BEST).data, "outline")
    assert (made.reconstructor, made.suggested) == ("outline", False)
    assert made.path.explain() == "preview -> sketch by edges (20); sketch"
    gray = made.picture.pixels
    assert np.array_equal(gray[0], gray[1])
    assert gray.max() > 0.1


def test_the_receiver_chooses_the_adapters_too(photo: Picture) -> None:
    data = encode(photo, "tiny", target=BEST).data
    made = decode(data, "outline", via="test/inked")
    assert made.path.explain() == "preview -> sketch by test/inked (500); sketch"
    assert (made.picture.pixels == 1).all()
    (again,) = decode_progressively(data, "outline", via="test/inked")
    assert again.path == made.path
    with pytest.raises(NoPath, match="'test/inked' leads nowhere between 'tiny' and 'grain'"):
        decode(data, "grain", via="test/inked")
    with pytest.raises(UnknownPlugin, match="no installed adapter is called 'inked'"):
        decode(data, "outline", via="inked")


def test_a_pair_without_a_path_is_refused(photo: Picture) -> None:
    data = encode(photo, "test/words").data
    with pytest.raises(NoPath, match="'preview' cannot decode 'test/words'"):
        decode(data)


def test_a_suggested_reconstructor_is_followed_and_can_be_overridden(photo: Picture) -> None:
    settings = {"invert": True, "amount": 0.0}
    data = encode(photo, "tiny", target=BEST, suggest=("grain", settings)).data
    plain = decode(data, "preview")
    followed = decode(data)
    assert (plain.reconstructor, plain.suggested) == ("preview", False)
    assert (followed.reconstructor, followed.suggested) == ("grain", True)
    assert np.allclose(followed.picture.pixels, 1 - plain.picture.pixels)
    overridden = decode(data, options={"invert": False})
    assert np.allclose(overridden.picture.pixels, plain.picture.pixels)


def test_a_suggestion_that_cannot_be_followed_is_passed_over_with_a_warning(
    photo: Picture,
) -> None:
    data = encode(photo, "tiny").data
    for name, settings in (
        ("nobody", {}),
        ("grain", {"amount": 7.0}),
        ("grain", {"x": 1}),
        ("fussy", {}),  # to which nothing leads
        ("heavy", {}),  # whose weights are nowhere
    ):
        asked = rewritten(data, extensions={numbers.RECONSTRUCTOR: [name, settings]})
        with pytest.warns(UserWarning, match=f"suggests '{name}', which is passed over"):
            made = decode(asked)
        assert (made.reconstructor, made.suggested) == ("preview", False)


def test_a_suggestion_is_checked_by_the_sender(photo: Picture) -> None:
    with pytest.raises(InvalidOption):
        encode(photo, "tiny", suggest=("grain", {"amount": 2.0}))
    with pytest.raises(UnknownOption):
        encode(photo, "tiny", suggest=("grain", {"strength": 2.0}))
    with pytest.raises(UnknownPlugin):
        encode(photo, "tiny", suggest=("nobody", {}))


def test_the_seed_of_the_file_keys_the_noise_and_another_gives_another_sample(
    photo: Picture,
) -> None:
    plain = encode(photo, "tiny").data
    seeded = encode(photo, "tiny", run=Run(seed=2**64 - 1)).data
    assert gcx.read(seeded).header.extensions[numbers.SEED] == 2**64 - 1
    assert numbers.SEED not in gcx.read(plain).header.extensions

    def sample(data: bytes, seed: int = 0) -> bytes:
        return decode(data, "grain", run=Run(seed=seed)).picture.pixels.tobytes()

    assert sample(seeded) == sample(seeded)
    assert sample(seeded) != sample(plain)
    assert sample(plain, seed=5) != sample(plain)
    assert sample(plain, seed=2**64 - 1) == sample(seeded)


def test_options_reach_both_stages(photo: Picture) -> None:
    coarse = encode(photo, "tiny", options={"levels": 2}, target=BEST).data
    assert set(np.unique(decode(coarse).picture.pixels)) <= {0.0, 1.0}
    silent = decode(coarse, "grain", options={"mode": "none"}).picture.pixels
    assert np.array_equal(silent, decode(coarse).picture.pixels)
    with pytest.raises(InvalidOption):
        encode(photo, "tiny", options={"levels": 257})
    with pytest.raises(UnknownOption):
        decode(coarse, "grain", options={"levels": 2})


# --- proof that stage 1 is the sender's


def test_with_a_digest_inside_the_symbols_are_proved(photo: Picture) -> None:
    bare = encode(photo, "tiny").data
    data = encode(photo, "tiny", digest=True).data
    assert len(data) - len(bare) <= 14
    found = verify(data)
    assert (found["proved"], found["embedding"], found["parse_class"]) == (True, "tiny", "A")
    assert found["symbols"] == verify(bare)["symbols"]
    assert not verify(bare)["proved"]


def test_other_symbols_than_the_senders_are_noticed(
    photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(photo, "tiny", digest=True).data
    payload = bytearray(gcx.read(data).bodies(gcx.MAIN)[0])
    payload[2] ^= 1
    changed = rewritten(data, payload=bytes(payload))
    with pytest.raises(VerificationError) as caught:
        verify(changed, "photo.gcx")
    assert caught.value.source == "photo.gcx"
    assert caught.value.expected.hex() == verify(data)["symbols"]
    assert caught.value.expected != caught.value.found
    # The same file on a machine whose implementation decodes other symbols.
    monkeypatch.setattr(sample_codecs.Tiny, "symbols", lambda self, layers, size: b"other")
    with pytest.raises(VerificationError):
        verify(data)


def test_a_sound_container_with_an_impossible_payload_is_a_payload_error(photo: Picture) -> None:
    data = encode(photo, "tiny").data
    for payload in b"", b"\1", b"\7\xff" + bytes(9), gcx.read(data).bodies(gcx.MAIN)[0][:-1]:
        with pytest.raises(PayloadError) as caught:
            decode(rewritten(data, payload=payload))
        assert caught.value.embedding == "tiny"


def test_the_sender_finds_out_what_no_receiver_could_decode(
    photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_codecs.Tiny, "encode", lambda self, analysis, quality: (b"junk",))
    with pytest.raises(PayloadError):
        encode(photo, "tiny")


# --- plugins that cannot be used


def test_unknown_plugins_and_profiles_are_named(photo: Picture) -> None:
    with pytest.raises(UnknownPlugin, match="did you mean tiny"):
        encode(photo, "tinny")
    data = encode(photo, "tiny").data
    with pytest.raises(UnknownPlugin, match="'nobody'"):
        decode(data, "nobody")
    with pytest.raises(UnknownPlugin, match="'acme/other'"):
        decode(rewritten(data, identity=gcx.Identity(name="acme/other", profile=1)))
    with pytest.raises(UnknownPlugin, match="number 201"):
        decode(rewritten(data, identity=gcx.Identity(id=201, profile=1)))
    with pytest.raises(UnknownPlugin, match="pip install gcodec-classic"):
        decode(rewritten(data, identity=gcx.Identity(id=2, profile=1)))
    with pytest.raises(UnknownProfile) as caught:
        decode(rewritten(data, identity=gcx.Identity(id=200, profile=9)))
    assert (caught.value.embedding, caught.value.profile) == ("tiny", 9)


def test_an_embedding_whose_implementation_does_not_import_is_unusable(photo: Picture) -> None:
    with pytest.raises(UnusablePlugin, match="test/absent"):
        encode(photo, "test/absent")


def test_results_are_plain_enough_for_json(photo: Picture) -> None:
    found = verify(encode(photo, "tiny", digest=True).data)
    assert json.loads(json.dumps(found)) == found
