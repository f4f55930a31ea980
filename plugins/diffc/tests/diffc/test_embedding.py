"""`diffc` end to end: what the state claims is so, on any number of threads, after any number of layers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

import gcodec
import gcodec_formats as gcx
from gcodec.cli import cli
from gcodec.errors import ChannelError, PayloadError
from gcodec.interfaces import Embedding, Setup
from gcodec.models import precision
from gcodec.models.networks import open_space
from gcodec.options import check_options
from gcodec.pipeline.stage1 import build, open_stage1
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Noisy
from gcodec.testing import EmbeddingConformance
from gcodec_diffc.diffc import _stream

FloatArray = NDArray[np.float32]


class TestDiffc(EmbeddingConformance):
    name = "diffc"
    qualities = (0.0, 0.3, 0.6, 1.0)
    signal_tolerance = 1e-3  # a float network


class TestDiffcChunked(EmbeddingConformance):
    name = "diffc"
    options: ClassVar[Mapping[str, Any]] = {"channel": "chunked"}
    qualities = (0.0, 0.5)
    signal_tolerance = 1e-3

    # Its sizes are whatever its entropy coder makes of them; the search for one is slow and tested above.
    test_size_target_is_never_exceeded = None  # type: ignore[assignment]
    test_every_option = None  # type: ignore[assignment]
    test_encoding_in_a_fresh_process = None  # type: ignore[assignment]


@pytest.fixture(scope="module")
def photo(kodim23: FloatArray) -> FloatArray:
    """float32 [3, 128, 192] in [0, 1]: D = 12,288."""
    return kodim23[:, 64:192, 128:320].copy()


@pytest.fixture(scope="module")
def x_0(photo: FloatArray) -> FloatArray:
    run = Run()
    return open_space(run.models.find("base/autoencoder"), run).encode(photo)


def encode(photo: FloatArray, quality: float | None = None, **given: object) -> bytes:
    target = gcodec.Target(quality=quality) if quality is not None else None
    return gcodec.encode(gcodec.Picture(photo), "diffc", **{"target": target, **given}).data  # type: ignore[arg-type]


def state(data: bytes, layers: int | None = None) -> Noisy:
    stage1 = open_stage1(data)
    (found,) = stage1.main.embedding.decode(stage1.main.layers[:layers], stage1.file.header.size)
    return cast(Noisy, found)


@pytest.mark.parametrize("quality", [0.3, 0.6, 0.9])
def test_the_state_is_the_picture_at_the_snr_that_it_claims(
    photo: FloatArray, x_0: FloatArray, quality: float
) -> None:
    """eps = (x_t - alpha_t x_0) / sigma_t is N(0, I): mean, variance and correlation with x_0 to within five standard
    errors, and, for the variance, the 2 % that a picture's own x0-hat and the coarse code of SNR leave."""
    found = state(encode(photo, quality))
    eps = (found.x_t - found.alpha_t * x_0) / found.sigma_t
    tolerance = 5 / np.sqrt(eps.size)
    assert abs(eps.mean()) < tolerance
    assert abs(eps.var() - 1) < tolerance * np.sqrt(2) + 0.02
    assert abs(np.corrcoef(eps.ravel(), x_0.ravel())[0, 1]) < tolerance + 0.02


@pytest.mark.parametrize("gray", [0.0, 0.6])
def test_so_is_that_of_a_flat_picture_whose_error_falls_fast(gray: float) -> None:
    """The error of x0-hat falls by half or more in a step, then slowly: both are within what a step can say."""
    flat, run = np.full((3, 96, 96), gray, np.float32), Run()
    x_0 = open_space(run.models.find("base/autoencoder"), run).encode(flat)
    found = state(encode(flat, 0.6, options={"channel": "trellis:memory=8"}))
    eps = (found.x_t - found.alpha_t * x_0) / found.sigma_t
    assert abs(eps.var() - 1) < 5 * np.sqrt(2 / eps.size) + 0.02
    assert abs(np.corrcoef(eps.ravel(), x_0.ravel())[0, 1]) < 5 / np.sqrt(eps.size) + 0.02


def test_a_step_says_how_the_error_changes_as_near_as_it_can() -> None:
    """Small changes to one code of 5 %, those of flat pictures to eight; none leaves what a byte holds."""
    for before in range(256):
        for wanted in range(256):
            change, code = _stream.change_to(wanted, before)
            assert 0 <= change < 16 and 0 <= code <= 255
            if -10 <= wanted - before <= 45:
                assert abs(code - wanted) <= (1 if abs(wanted - before) <= 6 else 8)


def test_each_layer_raises_the_snr(photo: FloatArray, x_0: FloatArray) -> None:
    data = encode(photo, 0.8)
    count = len(open_stage1(data).main.layers)
    assert count >= 3
    states = [state(data, k) for k in range(1, count + 1)]
    snrs = [(s.alpha_t / s.sigma_t) ** 2 for s in states]
    assert snrs == sorted(set(snrs))
    errors = [float(np.square(s.x_t / s.alpha_t - x_0).mean()) for s in states]
    assert errors == sorted(errors, reverse=True)


def test_one_pass_comes_by_all_layers(photo: FloatArray) -> None:
    stage1 = open_stage1(encode(photo, 0.7))
    layers, size = stage1.main.layers, stage1.file.header.size
    counts = range(1, len(layers) + 1)
    for count, (found,) in zip(
        counts, stage1.main.embedding.refine(layers, counts, size), strict=True
    ):
        alone = state(gcodec_bytes(stage1), count)
        assert np.array_equal(cast(Noisy, found).x_t, alone.x_t)
        assert (found.alpha_t, found.sigma_t) == (alone.alpha_t, alone.sigma_t)


def gcodec_bytes(stage1: gcodec.pipeline.stage1.Stage1) -> bytes:  # type: ignore[name-defined]
    import gcodec_formats as gcx

    return gcx.write(stage1.file)


@pytest.mark.parametrize("size", [300, 1000, 2500])
def test_a_size_is_met_to_a_few_bytes(photo: FloatArray, size: int) -> None:
    made = encode(photo, target=gcodec.Target(bytes=size))
    assert size * 0.995 - 6 <= len(made) <= size


def test_another_seed_is_another_sample(photo: FloatArray) -> None:
    one, other = (encode(photo, 0.3, run=Run(seed=seed)) for seed in (0, 5))
    first, second = state(one), state(other)
    assert one != other and abs(np.corrcoef(first.x_t.ravel(), second.x_t.ravel())[0, 1]) < 0.5


SCRIPT = """
import sys, numpy as np, torch
torch.set_num_threads(int(sys.argv[3]))
from gcodec.pipeline.stage1 import open_stage1
(found,) = open_stage1(open(sys.argv[1], "rb").read()).signals()
np.save(sys.argv[2], found.x_t)
"""


def test_a_file_of_two_threads_decodes_on_one_elsewhere(photo: FloatArray, tmp_path: Path) -> None:
    """To 50 dB of the sender's own state, whose peak is taken as 1, its deviation."""
    data = encode(photo, 0.8)
    (tmp_path / "a.gcx").write_bytes(data)
    made = []
    for threads in (1, 2):
        out = tmp_path / f"{threads}.npy"
        words = [sys.executable, "-c", SCRIPT, str(tmp_path / "a.gcx"), str(out), str(threads)]
        subprocess.run(words, check=True)
        made.append(np.load(out))
    own = state(data).x_t
    for other in made:
        assert -10 * np.log10(np.square(other - own).mean() + 1e-20) > 50


def test_a_receiver_may_compute_in_bfloat16(photo: FloatArray) -> None:
    """To 40 dB: what the network rounds moves x_t by no more than rounding, since bits and noise are exact."""
    data = encode(photo, 0.7)
    (found,) = open_stage1(data, run=Run(dtype="bfloat16")).signals()
    apart = np.square(cast(Noisy, found).x_t - state(data).x_t).mean()
    assert 0 < apart < 1e-4


def test_what_a_processor_is_faster_in_changes_neither_file_nor_state(
    photo: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "faster", lambda: precision.Precision("any", "any", 0.5))
    data, auto = encode(photo, 0.7), Run(dtype="auto")
    assert encode(photo, 0.7, run=auto) == data
    (found,) = open_stage1(data, run=auto).signals()
    assert np.array_equal(cast(Noisy, found).x_t, state(data).x_t)


def test_the_register_is_set_beside_the_memory_of_the_run(
    photo: FloatArray, tmp_path: Path
) -> None:
    """--memory is the run's; the trellis has its own among the options of --channel."""
    source, file = tmp_path / "photo.png", tmp_path / "photo.gcx"
    gcodec.save_image(gcodec.Picture(photo[:, :64, :64].copy()), source)
    words = ["encode", source, "-o", file, "--embed", "diffc", "--channel", "trellis:memory=6"]
    done = CliRunner().invoke(cli, [*map(str, words), "--memory", "low", "--quality", "0.1"])
    assert done.exit_code == 0, done.output
    assert gcx.read(file.read_bytes()).bodies(gcx.MAIN)[0][0] == 6 - 4 << 4


def embedding() -> Embedding:
    spec, run = registry().embedding("diffc"), Run()
    return build(
        spec, Setup(run, check_options("diffc", spec.options, {}), run.models.find("base/diffc"))
    )


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ((), "empty"),
        ((b"",), "empty"),
        ((b"\xff" + b"\0" * 20,), "ends within the name"),
        ((b"\xa0",), "before its first step"),
        ((b"\xa0" + b"\0" * 4,), "fewer than 4"),
        ((b"\xa0" + b"\0" * 10**6,), "follow the last step"),
    ],
)
def test_bytes_that_are_no_stream(layers: tuple[bytes, ...], says: str) -> None:
    with pytest.raises(PayloadError, match=says):
        embedding().decode(layers, gcodec.Size(64, 64))


def test_nothing_is_written_that_the_channel_cannot_send() -> None:
    """A picture of one latent position has 32 dimensions, so at most 32 bits a step."""
    from gcodec.channels import Common, Gaussian
    from gcodec_diffc.channels import Trellis

    tiny = np.full((3, 8, 8), 0.5, np.float32)
    assert state(encode(tiny, 1.0)).x_t.shape == (32, 1, 1)
    zero = Gaussian(np.zeros(32, np.float32))
    with pytest.raises(ChannelError, match="trellis"):
        Trellis(bits=40, memory=8).simulate(zero, zero, Common(Run().randomness))


def test_a_companion_says_what_need_not_be_sent_again(photo: FloatArray, x_0: FloatArray) -> None:
    """In as many bytes, companion included; and the state is as honest as without."""
    if "ntc" not in registry().embeddings:
        pytest.skip("ntc is not installed")
    picture = gcodec.Picture(photo)
    companion = gcodec.encode(picture, "ntc", target=gcodec.Target(quality=0.1)).data
    limit = gcodec.Target(bytes=len(companion) + 250)
    alone = encode(photo, target=limit)
    given = gcodec.encode(picture, "diffc", target=limit, companions=[companion]).data
    assert len(given) <= len(companion) + 250
    found = next(s for s in open_stage1(given).signals() if isinstance(s, Noisy))
    eps = (found.x_t - found.alpha_t * x_0) / found.sigma_t
    assert float(np.square(eps).mean()) == pytest.approx(1, abs=0.02 + 5 / np.sqrt(eps.size))
    errors = [
        float(np.square(gcodec.decode(data, "mse").picture.pixels - photo).mean())
        for data in (alone, given)
    ]
    assert errors[1] < 0.9 * errors[0]
