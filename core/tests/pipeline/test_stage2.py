"""The dial between the preview and the reconstructor's sample: one file, any point of the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support import fails, succeeds

from gcodec.errors import InvalidOption, ModelMissing, NoPath, UsageError
from gcodec.pipeline.decoding import Decoded, decode
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.stage2 import checked, interpolate
from gcodec.plugin import REALISM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

    from gcodec.pictures import Picture
    from gcodec.registry import Registry
    from gcodec.signals import FloatArray

    Command = Callable[..., CompletedProcess[bytes]]

pytestmark = pytest.mark.usefixtures("installed")

PIXELS = arrays.arrays(np.float32, (3, 2, 2), elements=st.floats(0, 1, width=32))


@pytest.fixture
def data(photo: Picture) -> bytes:
    return encode(photo, "tiny").data


def at(data: bytes, realism: float, **options: Any) -> Decoded:
    return decode(data, "grain", options={"realism": realism, **options})


@pytest.mark.parametrize("realism", [0.0, 0.25, 0.5])
def test_the_preview_is_there_below_realism_1_though_the_reconstructor_has_no_use_for_it(
    data: bytes, realism: float
) -> None:
    preview, sample = (decode(data, name).picture.pixels for name in ("preview", "etched"))
    assert np.abs(sample - preview).max() > 0.1
    made = decode(data, "etched", options={"realism": realism})
    assert np.allclose(made.picture.pixels, realism * sample + (1 - realism) * preview, atol=1e-6)
    assert made.path.beside == ("preview",)


@pytest.mark.parametrize("realism", [0.1, 0.5, 0.9])
def test_the_picture_lies_on_the_line_from_the_preview_to_the_sample(
    data: bytes, realism: float
) -> None:
    """Eq. (17) of the review."""
    preview, sample = decode(data, "preview").picture.pixels, decode(data, "grain").picture.pixels
    assert np.abs(sample - preview).max() > 0.1
    made = at(data, realism)
    expected = realism * sample.astype(np.float64) + (1 - realism) * preview
    np.testing.assert_allclose(made.picture.pixels, expected, atol=2e-7)
    assert made.picture.pixels.dtype == np.float32
    assert made.realism == realism


def test_the_ends_are_the_preview_and_the_sample_bit_for_bit(data: bytes) -> None:
    np.testing.assert_array_equal(
        at(data, 0.0).picture.pixels, decode(data, "preview").picture.pixels
    )
    np.testing.assert_array_equal(
        at(data, 1.0).picture.pixels, decode(data, "grain").picture.pixels
    )
    assert decode(data, "grain").realism == 1
    assert decode(data, "preview").realism is None


@given(preview=PIXELS, sample=PIXELS, alpha=st.floats(0, 1))
def test_the_line_between_two_pictures_never_leaves_their_range(
    preview: FloatArray, sample: FloatArray, alpha: float
) -> None:
    before = preview.copy(), sample.copy()
    made = interpolate(preview, sample, alpha)
    assert (made >= 0).all() and (made <= 1).all()
    assert np.array_equal(preview, before[0]) and np.array_equal(sample, before[1])


def test_at_realism_0_the_reconstructor_and_its_weights_are_not_even_loaded(data: bytes) -> None:
    made = decode(data, "heavy", options={"realism": 0.0})
    np.testing.assert_array_equal(made.picture.pixels, decode(data, "preview").picture.pixels)
    with pytest.raises(ModelMissing):
        decode(data, "heavy", options={"realism": 0.01})


def test_the_reconstructor_never_sees_the_dial(installed: Registry) -> None:
    choice = checked(installed.reconstructor("grain"), {"realism": 0.3, "amount": 0.5})
    assert choice.options == {"amount": 0.5, "invert": False, "mode": "add"}
    assert choice.realism == 0.3


def test_a_suggested_realism_is_followed_and_can_be_overridden(photo: Picture) -> None:
    data = encode(photo, "tiny", suggest=("grain", {"realism": 0.25})).data
    followed = decode(data)
    assert (followed.reconstructor, followed.suggested, followed.realism) == ("grain", True, 0.25)
    np.testing.assert_array_equal(followed.picture.pixels, at(data, 0.25).picture.pixels)
    overridden = decode(data, options={"realism": 0.75})
    np.testing.assert_array_equal(overridden.picture.pixels, at(data, 0.75).picture.pixels)


@pytest.mark.parametrize("realism", [-0.1, 1.1, float("nan"), "much", True])
def test_a_realism_beyond_the_ends_is_refused(data: bytes, realism: Any) -> None:
    with pytest.raises(InvalidOption, match="a number from 0 to 1"):
        at(data, realism)


def test_where_nothing_is_sampled_there_is_no_realism_and_the_error_says_who_has_it(
    data: bytes,
) -> None:
    for realism in (0.0, 0.5, 1.0):
        with pytest.raises(
            UsageError, match=r"'preview' draws no sample.*--recon grain or etched or heavy"
        ):
            decode(data, "preview", options={"realism": realism})


def test_a_file_without_a_preview_has_no_other_end(photo: Picture) -> None:
    data = encode(photo, "test/words").data
    with pytest.raises(NoPath, match="'grain' cannot decode 'test/words': it needs preview"):
        at(data, 0.0)


def test_the_command_turns_the_dial_of_whatever_the_file_suggests(
    gcodec: Command, photo: Picture, tmp_path: Path
) -> None:
    (tmp_path / "a.gcx").write_bytes(encode(photo, "tiny", suggest=("grain", {})).data)
    words = ("decode", tmp_path / "a.gcx", "--force")
    said = succeeds(gcodec(*words, "-o", tmp_path / "half.png", "--realism", "0.5"))
    assert "grain, as the file suggests, at realism 0.5" in said
    succeeds(gcodec(*words, "-o", tmp_path / "named.png", "--realism", "0.5", "--recon", "grain"))
    succeeds(gcodec(*words, "-o", tmp_path / "zero.png", "--realism", "0"))
    succeeds(gcodec(*words, "-o", tmp_path / "preview.png", "--recon", "preview"))
    made = {path.stem: path.read_bytes() for path in tmp_path.glob("*.png")}
    assert made["half"] == made["named"]
    # A picture that holds nothing generated is not marked as generated.
    mark = b"algorithmicmedia"
    assert mark in made["half"].lower()
    assert mark not in made["zero"].lower()
    fails(gcodec(*words, "-o", tmp_path / "a.png", "--realism", "1.5"), 2, "a number from 0 to 1")
    fails(
        gcodec(*words, "-o", tmp_path / "a.png", "--recon", "preview", "--realism", "1"),
        2,
        "'preview' draws no sample",
        "--recon grain or etched or heavy",
    )


def test_the_dial_is_in_the_help_whoever_is_named(gcodec: Command) -> None:
    for words in ((), ("--recon", "grain"), ("--recon", "preview")):
        help_ = " ".join(succeeds(gcodec("decode", "--help", *words)).split())
        assert help_.count(f"--{REALISM.name} ") == 1
        assert "[default: 1.0; a number from 0 to 1]" in help_
