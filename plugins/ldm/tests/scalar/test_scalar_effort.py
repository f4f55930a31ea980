"""`--effort`: a smaller sum of error and bytes, the same file each time; and what it is refused for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import gcodec
from gcodec.errors import UsageError
from gcodec.interfaces import Setup, Size
from gcodec.models import Model
from gcodec.run import Run
from gcodec.signals import Latent
from gcodec_ldm.scalar.embedding import LdmQuant, RateVariable

FloatArray = NDArray[np.float32]
Kind = type[LdmQuant] | type[RateVariable]


def judged(
    kind: Kind, model: Model, latent: FloatArray, effort: int, quality: float
) -> tuple[bytes, float]:
    """A payload, and the squared error of the latent in bin widths."""
    (payload,) = kind(Setup(Run(), {"effort": effort}, model)).encode(latent, quality)
    _, h, w = latent.shape
    # The receiver knows nothing of the sender's effort.
    (found,) = kind(Setup(Run(), {}, model)).decode([payload], Size(8 * h, 8 * w))
    assert isinstance(found, Latent)
    return payload, float(np.square((found.values - latent) / found.step).sum())


@pytest.mark.parametrize("kind", [LdmQuant, RateVariable])
@pytest.mark.parametrize("quality", [0.0, 0.4, 1.0])
def test_it_pays(kind: Kind, model: Model, latent: FloatArray, quality: float) -> None:
    worth = 8 * 2 * np.log(2) / 12  # of a byte
    sums, sizes = [], []
    for effort in (0, 1, 3):
        payload, error = judged(kind, model, latent, effort, quality)
        sums.append(error + worth * len(payload))
        sizes.append(len(payload))
    assert sums[2] <= sums[0]
    assert sums[1] <= sums[0]
    assert sizes[2] < 0.97 * sizes[0]


@pytest.mark.parametrize("kind", [LdmQuant, RateVariable])
def test_the_same_file_each_time(kind: Kind, model: Model, latent: FloatArray) -> None:
    one, other = (judged(kind, model, latent, 3, 0.4)[0] for _ in range(2))
    assert one == other


def test_a_target_in_bytes_is_kept_with_a_nearer_picture(picture: FloatArray) -> None:
    target = gcodec.Target(bytes=900)
    made = []
    for effort in (0, 3):
        file = gcodec.encode(
            gcodec.Picture(picture), "ldm_quant", target=target, options={"effort": effort}
        ).data
        assert len(file) <= 900
        decoded = gcodec.decode(file, "preview").picture.pixels
        made.append(float(np.square(decoded - picture).mean()))
    assert made[1] < 0.98 * made[0]


@pytest.mark.parametrize("effort", [-1, 4, 0.5])
def test_efforts_that_there_are_not(picture: FloatArray, effort: object) -> None:
    with pytest.raises(UsageError, match="effort"):
        gcodec.encode(gcodec.Picture(picture), "rate_variable", options={"effort": effort})


def test_effort_and_dither_are_not_to_be_had_together(model: Model) -> None:
    with pytest.raises(UsageError, match="--dither"):
        LdmQuant(Setup(Run(), {"effort": 1, "dither": True}, model))


def test_effort_is_refused_for_latents_that_no_model_knows() -> None:
    with pytest.raises(UsageError, match="base/autoencoder"):
        LdmQuant(Setup(Run(), {"effort": 1}, Run().models.find("base/autoencoder")))
