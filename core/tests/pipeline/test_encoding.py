"""What the sender does beside what travels: which qualities it asks for, and what it writes into the head."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sample_codecs

import gcodec_formats as gcx
from gcodec.pipeline._container import identify
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


def test_a_new_file_has_the_newest_profile_of_its_weights(photo: Picture) -> None:
    spec = replace(registry().embedding("tiny"), profiles=(Profile(1), Profile(2)))
    identity, _ = identify(spec, None, {}, Run())
    assert (identity.id, identity.profile) == (200, 2)


def test_a_suggestion_travels_as_plain_numbers(photo: Picture) -> None:
    settings = {"amount": np.float32(0.5), "invert": np.bool_(True)}
    data = encode(photo, "tiny", suggest=("grain", settings)).data
    (sent,) = [gcx.read(data).header.extensions[numbers.RECONSTRUCTOR]]
    assert sent == ["grain", {"amount": 0.5, "invert": True}]
