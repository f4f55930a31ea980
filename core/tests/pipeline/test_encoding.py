"""What the sender does beside what travels: which qualities it asks for, and what it writes into the head."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sample_codecs
from safetensors.numpy import save_file
from support import lay

import gcodec_formats as gcx
from gcodec.errors import ModelMissing, TargetTooSmall, UnknownProfile
from gcodec.models import ModelStore, folder_digest
from gcodec.pipeline._container import identify, named_model
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.plugin import Profile
from gcodec.registry import registry
from gcodec.run import Run
from gcodec_formats import registry as numbers

if TYPE_CHECKING:
    from gcodec.pictures import Picture

pytestmark = pytest.mark.usefixtures("installed")


@pytest.mark.parametrize("octets", [60, 700, 5000])
def test_a_size_is_sought_on_the_embeddings_grid_and_no_quality_is_encoded_twice(
    photo: Picture, octets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    original = sample_codecs.Tiny.encode

    def noted(self: sample_codecs.Tiny, analysis: Any, quality: float) -> tuple[bytes, ...]:
        asked.append(quality)
        return original(self, analysis, quality)

    monkeypatch.setattr(sample_codecs.Tiny, "encode", noted)
    made = encode(photo, "test/named", target=Target(bytes=octets))
    assert len(set(asked)) == len(asked) <= 4
    assert made.quality in asked
    # Its spec says that it tells seven qualities apart.
    assert all(6 * quality == pytest.approx(round(6 * quality)) for quality in asked)


def test_the_smallest_file_is_had_where_its_embedding_says_that_it_is_larger(
    photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ntc` says what its first choice takes, and makes two more within that."""
    smallest = len(encode(photo, "test/named", target=Target(quality=0)).data)

    def more(self: sample_codecs.Tiny, analysis: Any, quality: float) -> tuple[int, ...]:
        return tuple(len(layer) + 5 for layer in self.encode(analysis, quality))

    monkeypatch.setattr(sample_codecs.Tiny, "sizes", more)
    assert len(encode(photo, "test/named", target=Target(bytes=smallest)).data) == smallest
    with pytest.raises(TargetTooSmall) as caught:
        encode(photo, "test/named", target=Target(bytes=smallest - 1))
    assert caught.value.smallest == smallest


def test_a_new_file_has_the_newest_profile_of_its_weights(photo: Picture) -> None:
    spec = replace(registry().embedding("tiny"), profiles=(Profile(1), Profile(2)))
    identity, _ = identify(spec, None, {}, Run())
    assert (identity.id, identity.profile) == (200, 2)


def test_a_withdrawn_profile_is_read_where_its_model_is_at_hand_and_never_written(
    tmp_path: Path,
) -> None:
    lay(tmp_path, {"config.json": b"{}"})
    save_file({"gain": np.ones(1, np.float32)}, tmp_path / "diffusion_pytorch_model.safetensors")
    digest = folder_digest(tmp_path)
    former = replace(
        registry().embedding("test/weighted"),
        profiles=(Profile(3, digest, withdrawn=True), Profile(4, "0" * 64)),
    )
    named = gcx.Identity(name=former.name, profile=3)
    with pytest.raises(UnknownProfile, match="--models FOLDER") as caught:
        named_model(former, named, Run())
    assert caught.value.withdrawn == digest and caught.value.readable
    run = Run(models=ModelStore((), (tmp_path,)))
    found = named_model(former, named, run)
    assert found is not None and found.digest == digest
    # One that is not withdrawn needs its model as ever, and one of which the plugin says nothing may have another bitstream.
    with pytest.raises(ModelMissing):
        named_model(former, replace(named, profile=4), run)
    with pytest.raises(UnknownProfile, match="has no profile 2"):
        named_model(former, replace(named, profile=2), run)
    identity, _ = identify(former, str(tmp_path), {}, run)
    assert (identity.profile, identity.digest) == (None, bytes.fromhex(digest)[:8])


def test_a_suggestion_travels_as_plain_numbers(photo: Picture) -> None:
    settings = {"amount": np.float32(0.5), "invert": np.bool_(True)}
    data = encode(photo, "tiny", suggest=("grain", settings)).data
    (sent,) = [gcx.read(data).header.extensions[numbers.RECONSTRUCTOR]]
    assert sent == ["grain", {"amount": 0.5, "invert": True}]
