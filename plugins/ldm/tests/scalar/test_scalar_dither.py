"""`ldm_quant --dither`: universal quantization, whose error is uniform noise whatever the latent."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from gcodec.errors import PayloadError
from gcodec.interfaces import Size
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.stage1 import open_stage1
from gcodec.randomness import Domain, Randomness
from gcodec.run import Run
from gcodec.signals import Latent
from gcodec.testing import pictures
from gcodec_ldm.scalar.dither import ROW, dither_of
from gcodec_ldm.scalar.embedding import LdmQuant
from gcodec_ldm.scalar.tables import sharpened

SIZE = Size(128, 160)
PAYLOAD = (
    "6669eb057fac83b15a4483ebe5c3263a6a45a46362f131dcf4e263f4b5648eae"
    "62fbffff57d7e0fcdf1908b560cf53fe9baa93b1053378ff0600"
)


def error(embedding: LdmQuant, latent: np.ndarray, quality: float) -> np.ndarray:
    """In bin widths, float64 [C, h, w]."""
    (found,) = embedding.decode(embedding.encode(latent, quality), SIZE)
    assert isinstance(found, Latent)
    return (found.values.astype(np.float64) - latent) / found.step


@pytest.mark.parametrize("quality", [0.1, 0.4, 0.9])
def test_the_error_is_uniform_noise_and_knows_nothing_of_the_latent(
    dithered: LdmQuant, latent: np.ndarray, quality: float
) -> None:
    """10,240 values: three standard errors of a mean are 0.009 bins, of a correlation 0.03."""
    e = error(dithered, latent, quality)
    assert np.abs(e).max() <= 0.5 + 1e-5
    # Kolmogorov and Smirnov: 1.95 / sqrt(n) is passed once in a thousand times.
    apart = np.abs(np.sort(e.ravel()) + 0.5 - (np.arange(e.size) + 0.5) / e.size).max()
    assert apart < 1.95 / e.size**0.5
    for of_latent in (latent, np.abs(latent), latent - np.rint(latent)):
        assert abs(np.corrcoef(e.ravel(), of_latent.ravel())[0, 1]) < 0.03
        assert abs(np.corrcoef(np.square(e).ravel(), of_latent.ravel())[0, 1]) < 0.03
    assert np.square(e).mean((1, 2)) * 12 == pytest.approx(1, abs=0.25)


def test_so_it_is_where_plain_rounding_errs_less(
    ldm_quant: LdmQuant, dithered: LdmQuant, latent: np.ndarray
) -> None:
    """t = eta(Delta) is exact: in bins that hold all of a latent plain rounding's error is the latent itself."""
    faint = latent / 50
    assert np.square(error(ldm_quant, faint, 0.0)).mean() * 12 < 0.1
    assert np.square(error(dithered, faint, 0.0)).mean() * 12 == pytest.approx(1, abs=0.03)


def test_values_lie_on_the_dithered_lattice(dithered: LdmQuant, latent: np.ndarray) -> None:
    (found,) = dithered.decode(dithered.encode(latent, 0.7), SIZE)
    assert isinstance(found, Latent)
    c, h, w = latent.shape
    u = Randomness(0).dither(Domain.DITHER, 0, ROW, (h * w, c)).T.reshape(c, h, w)
    wanted = (np.rint(latent / found.step + u) - u) * found.step
    close = np.isclose(found.values, wanted, atol=1e-4)
    # A tie of single precision now and then falls the other way.
    assert close.mean() > 0.9995


def test_coarse_and_fine_parts_are_the_dither() -> None:
    dither = dither_of(Randomness(3), 5, 7, 4)
    assert (np.abs(dither.coarse) <= 8).all()
    assert (np.abs(dither.fine) <= 1 / 32).all()
    whole = dither.coarse.T.reshape(4, 5, 7) / 16 + dither.fine
    u = Randomness(3).dither(Domain.DITHER, 0, ROW, (35, 4))
    assert (whole == u.T.reshape(4, 5, 7)).all()


def test_the_seed_of_the_file_is_the_seed_of_the_dither(ldm_quant: LdmQuant) -> None:
    """A receiver that was told nothing reads both; other seeds mean other errors and other bytes."""
    picture = pictures.as_picture(pictures.photograph(64, 48))
    values = []
    for seed in (0, 5):
        made = encode(
            picture,
            "ldm_quant",
            target=Target(quality=0.5),
            options={"dither": True},
            run=Run(seed=seed),
        )
        (found,) = open_stage1(made.data).signals()
        assert isinstance(found, Latent)
        latent = ldm_quant.analyse(picture.pixels)
        assert np.abs(found.values - latent).max() <= found.step / 2 * 1.001
        values.append(found.values)
    assert np.abs(values[0] - values[1]).max() > 0.1


def test_the_last_byte_tells_dithered_files_from_plain_ones(
    ldm_quant: LdmQuant, dithered: LdmQuant, latent: np.ndarray
) -> None:
    (plain,), (uniform,) = (e.encode(latent, 0.5) for e in (ldm_quant, dithered))
    assert plain[-1] != 0
    assert uniform[-1] == 0
    assert uniform[-2] != 0
    for payload in (plain + b"\0", uniform[:-1], uniform + b"\0"):
        with pytest.raises(PayloadError, match="ldm_quant"):
            ldm_quant.decode((payload,), SIZE)


def test_a_payload_that_was_written_once_is_read_for_ever(ldm_quant: LdmQuant) -> None:
    """What a dithered file of the profile means: a photograph of 24x32 at quality 0.4, seed 0."""
    layers, size = (bytes.fromhex(PAYLOAD),), Size(24, 32)
    symbols = "c2b873d9b31d135314647770672684994bb0fa1948c1193fc1d8bbc90348504d"
    values = "7a6f1d3232f7c1495f433393252dde91ebf026893ec156027d05a367210fc708"
    assert hashlib.sha256(ldm_quant.symbols(layers, size)).hexdigest() == symbols
    (found,) = ldm_quant.decode(layers, size)
    assert isinstance(found, Latent)
    assert hashlib.sha256(found.values.tobytes()).hexdigest() == values


def test_dither_costs_bytes_most_where_least_was_sent(
    ldm_quant: LdmQuant, dithered: LdmQuant, latent: np.ndarray
) -> None:
    """Universal quantization sends I(y; y + U) even of what plain rounding leaves at zero."""
    ratios = [
        len(dithered.encode(latent, quality)[0]) / len(ldm_quant.encode(latent, quality)[0])
        for quality in (0.1, 0.4, 0.7, 1.0)
    ]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 1.2
    assert ratios[-1] < 1.1


def test_small_scales_are_smaller_for_dithered_symbols() -> None:
    found = sharpened(np.arange(67, dtype=np.uint8))
    assert (found[20:] == np.arange(20, 67)).all()
    assert (np.diff(found) >= 0).all()
    assert found[15] == 10
    assert found.min() == 4
