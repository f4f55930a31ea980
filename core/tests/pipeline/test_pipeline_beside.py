"""Cut files, and what travels beside the layers: alpha, profiles, gray and deep samples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import support

import gcodec_formats as gcx
from gcodec.errors import PayloadError, UsageError
from gcodec.pipeline.decoding import decode, decode_progressively
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.inspection import inspect
from gcodec.pipeline.ratecontrol import Target
from gcodec.run import Run

if TYPE_CHECKING:
    from gcodec.pictures import Picture

pytestmark = pytest.mark.usefixtures("installed")

BEST = Target(quality=1.0)


# --- progressive files


def test_a_truncated_progressive_file_gives_what_is_there(photo: Picture) -> None:
    data = encode(photo, "test/layered").data
    assert np.array_equal((decode(data).picture.pixels * 255).round(), (photo.pixels * 255).round())
    with pytest.raises(gcx.FormatError):
        decode(data[:-1])
    layer = 3 * 45 * 61
    seen = []
    for kept in 3, 2, 1:
        cut = data[: len(data) - (4 - kept) * (layer + 4) + layer // 2]
        made = decode(cut, partial=True)
        assert made.missing == 4 - kept
        seen.append(support.psnr(made.picture.pixels, photo.pixels))
    assert seen == sorted(seen, reverse=True)
    assert decode(data, partial=True).missing == 0


def test_alpha_that_is_cut_off_is_lost_and_no_layer(photo: Picture) -> None:
    data = encode(replace(photo, alpha=alpha_of("uint8")), "test/layered").data
    whole, cut = decode(data), decode(data[:-1], partial=True)
    assert (whole.missing, whole.lost_alpha) == (0, False)
    assert (cut.missing, cut.lost_alpha, cut.picture.alpha) == (0, True, None)
    assert inspect(data[:-1], partial=True)["missing_layers"] == 0


@pytest.mark.parametrize(
    ("every", "missing"), [(1, [3, 2, 1, 0]), (2, [2, 0]), (3, [1, 0]), (9, [0])]
)
def test_a_file_that_comes_slowly_is_seen_after_every_few_layers(
    photo: Picture, every: int, missing: list[int]
) -> None:
    """Each picture is the one that a file cut there gives."""
    data = encode(photo, "test/layered").data
    layer = 3 * 45 * 61
    made = list(decode_progressively(data, every=every))
    assert [one.missing for one in made] == missing
    for one in made:
        cut = data[: len(data) - one.missing * (layer + 4)]
        alone = decode(cut, partial=True).picture.pixels
        assert np.array_equal(one.picture.pixels, alone)
    with pytest.raises(UsageError, match="every 0 layers"):
        list(decode_progressively(data, every=0))


def test_a_progressive_file_without_its_first_layer_says_so(photo: Picture) -> None:
    data = encode(photo, "test/layered").data
    with pytest.raises(PayloadError, match="before the first whole layer"):
        decode(data[:100], partial=True)


def test_a_file_that_is_not_progressive_cannot_be_read_in_part(photo: Picture) -> None:
    with pytest.raises(gcx.FormatError):
        decode(encode(photo, "tiny").data[:-5], partial=True)


# --- what travels beside the picture


def alpha_of(dtype: str) -> Any:
    return (np.arange(45 * 61) * 97 % np.iinfo(dtype).max).reshape(45, 61).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("embedding", ["tiny", "test/layered"])
def test_alpha_survives_without_loss(photo: Picture, dtype: str, embedding: str) -> None:
    alpha = alpha_of(dtype)
    data = encode(replace(photo, alpha=alpha), embedding).data
    again = decode(data).picture.alpha
    assert again is not None
    assert again.dtype == dtype
    assert np.array_equal(again, alpha)


def test_a_colour_profile_is_kept_and_other_metadata_only_when_asked(photo: Picture) -> None:
    rich = replace(photo, icc=b"profile" * 50, exif=b"II*\0" + b"exif" * 20, xmp=b"<x:xmpmeta/>")
    plain = decode(encode(rich, "tiny").data).picture
    assert (plain.icc, plain.exif, plain.xmp) == (rich.icc, None, None)
    full = decode(encode(rich, "tiny", metadata=True).data).picture
    assert (full.icc, full.exif, full.xmp) == (rich.icc, rich.exif, rich.xmp)


def test_size_targets_count_what_travels_beside(photo: Picture) -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    rich = replace(photo, icc=rng.bytes(200), alpha=alpha_of("uint8"))
    limit = len(encode(rich, "tiny", target=Target(quality=0)).data) + 100
    made = encode(rich, "tiny", target=Target(bytes=limit))
    assert len(made.data) <= limit
    assert decode(made.data).picture.icc == rich.icc


def test_a_companion_of_another_seed_is_refused(photo: Picture) -> None:
    """Its layers would be decoded under the seed of the file that they travel in."""
    companion = encode(photo, "tiny", run=Run(seed=1)).data
    with pytest.raises(UsageError, match="another seed"):
        encode(photo, "test/layered", companions=[companion])
    made = encode(photo, "test/layered", companions=[companion], run=Run(seed=1))
    assert gcx.read(made.data).bodies(gcx.COMPANION)


def test_gray_and_sixteen_bit_pictures_stay_so(photo: Picture) -> None:
    gray = np.repeat(photo.pixels[:1], 3, axis=0)
    marked = replace(photo, pixels=gray, channels=1, depth=16)
    data = encode(marked, "tiny", target=BEST).data
    again = decode(data).picture
    assert (again.channels, again.depth) == (1, 16)
    assert np.array_equal(again.pixels[0], again.pixels[1])
    assert support.psnr(again.pixels, gray) > 50
    colour = decode(encode(photo, "tiny").data).picture
    assert (colour.channels, colour.depth) == (3, 8)


def test_what_was_gray_stays_gray_whatever_the_reconstructor_makes(
    photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(replace(photo, channels=1), "tiny", target=BEST).data
    again = decode(data).picture.pixels
    assert np.array_equal(again[0], again[1])
    assert np.array_equal(again[0], again[2])
