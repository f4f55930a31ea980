"""What users of the classical codecs rely on: round trips, sizes, the measured error, and no surprises from bad bytes."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import gcodec
from gcodec.errors import ImageError, PayloadError, UnusablePlugin
from gcodec.interfaces import Size
from gcodec.registry import Registry
from gcodec_classic import _jpeg, embedding
from gcodec_classic._stream import FORM, WHOLE

sys.path.insert(0, str(Path(__file__).resolve().parent))

from classic_codecs import NAMES, SPECS, make, picture

#: Header bytes that stripping must save against the codec's own file, squared error and flags already paid for.
SAVED = {"jpeg": 200, "webp": 26, "avif": 280, "jxl": 2}


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean(np.square(a.astype(np.float64) - b))
    return math.inf if error < 1e-12 else -10 * math.log10(error)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (1, 37), (64, 64), (53, 71), (128, 192)])
def test_round_trip_of_any_size(name: str, size: tuple[int, int], gray: bool) -> None:
    codec, pixels = make(name), picture(*size, gray=gray)
    for quality in (0.0, 0.4, 0.8, 1.0):
        layers = codec.encode(codec.analyse(pixels), quality)
        (signal,) = codec.decode(layers, Size(*size))
        assert signal.pixels.shape == pixels.shape and signal.pixels.dtype == np.float32
        assert signal.pixels.min() >= 0 and signal.pixels.max() <= 1
        if gray and name != "webp":  # VP8 has no gray: its decoder may tint a level
            assert np.ptp(signal.pixels, axis=0).max() == 0


#: Written once, restored for ever: codec, flags, SHA-256 of the restored 20x12 file (first 8 bytes), body.
GOLDEN = (
    ("jpeg", 9, "230c2e098254c807",
     "5ad64971de9ed3f1d6a08e85579c8345740c855cd38b13f956022224d15b5c763f"),
    ("jpeg", 10, "df55c8c289ff12b8",
     "5a0000030101000000000000000000000000000203040510000300010500000000000000000000000001020311"
     "213141910100030100000000000000000000000000010203041101010100000000000000000000000000001141"
     "eb465d3b1eb3edc884c65bced30340a336c674df840126d816a31f"),
    ("jpeg", 11, "2937e8db5e963c84",
     "5affc400000301010000000000000000000000000001020304ffc4010101010000000000000000000000000002"
     "0103ffdaeb64e469618923bfffc41001010100000000000000000000000000110020ffda6671ffc41101000000"
     "00000000000000000000000020ffda1fffc4110100000000000000000000000000000020ffda1fffc410010000"
     "0000000000000000000000000020ffda5fffc4100101010100000000000000000000000001001011ffda235a37"
     "73ffda7ed0ffc4110003010000000000000000000000000000101141ffdac70fffc41100030000000000000000"
     "000000000000001011ffda74ffc4100101000203000000000000000000000001001121314191ffdac7dda799c6"
     "594f92b7"),
    ("jpeg", 1, "7c904c05c6a2b07a",
     "5ad28a50053a49fe5eb55e49f0e6a08dcfe94aec4814c6e4f35f"),
    ("jpeg", 2, "1b9e92ad65d0dd03",
     "5a0000020300000000000000000000000000010203040510000202020300000000000000000000000103000211"
     "212231a1d253401198fe3dcaec7e2e640bb9f21bd890225b6773"),
    ("jpeg", 3, "b3791456e6508395",
     "5affc4000003010000000000000000000000000001020304ffdad26732bfffc410010101000000000000000000"
     "00000000010010ffda19658dffc4100100000000000000000000000000000020ffda5fffc41001010100000000"
     "000000000000000000000121ffda18b552d57fffda17ffc4100101010003000000000000000000000001002111"
     "51a1ffda30bb570b97c990b4ed"),
    ("webp", 1, "e234390e6eb88320",
     "142f9de6f379bfbfbfbf9f819c4a009d005cc00000fedbf05e3d6ad45d6c0ab75856000000"),
    ("webp", 1, "95b5611303b8fe6b",
     "183fcdd6e4673fb4af27b00803f039896900007a5742e50000fec2277d725df5cc30000000"),
    ("avif", 13, "cfa1a2238c6daf09",
     "181e403fffffc400b5575bac2add6c294352"),
    ("avif", 1, "a5d056e548292671",
     "181e40fff100b6249286e37b9f80"),
    ("jxl", 1, "079cab80ef68ab9f",
     "4016880600040121671500800a9551c60d5ecef57cf9a1c362dac67586b6dab6b084b1d95e1824241c21eec67b"
     "51f324eee8143a0b0f8c2295240e1177fb0ba4bd4443cc633b5a50"),
    ("jxl", 2, "1760ce9802088f09",
     "4016880600fc0021671500800a9551c60d5ecef57cf9a1c362dac67586b6dab6b084b1d95e1824249c3490e5e6"
     "f05b60c8e44a122928bcdddb0a01bdef9cbd52002000004000"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "flags", "digest", "body"), GOLDEN)
def test_golden_bodies_are_restored(name: str, flags: int, digest: str, body: str) -> None:
    codec = make(name)
    file = codec.codec.restore(flags, bytes.fromhex(body), Size(12, 20))
    assert hashlib.sha256(file).hexdigest()[:16] == digest
    (signal,) = codec.decode((bytes([flags, 100]) + bytes.fromhex(body),), Size(12, 20))
    gray = np.ptp(signal.pixels, axis=0).max() < 0.02
    assert psnr(signal.pixels, picture(12, 20, gray=bool(gray))) > 15


@pytest.mark.parametrize("name", NAMES)
def test_error_byte_is_the_measured_error(name: str) -> None:
    codec, pixels = make(name), picture(96, 130)
    for quality in (0.1, 0.5, 0.9):
        layers = codec.encode(codec.analyse(pixels), quality)
        (signal,) = codec.decode(layers, Size(96, 130))
        assert abs(-10 * math.log10(signal.mse) - psnr(signal.pixels, pixels)) <= 0.1251


@pytest.mark.parametrize("name", NAMES)
def test_more_quality_is_more_bytes_and_less_error(name: str) -> None:
    codec = make(name)
    analysis = codec.analyse(picture(128, 160))
    rates, errors = [], []
    for quality in np.linspace(0, 1, 11):
        layers = codec.encode(analysis, float(quality))
        rates.append(len(layers[0]))
        errors.append(codec.decode(layers, Size(128, 160))[0].mse)
    # "Nearly monotone": a step may lose a little against the one before, never against the one before that.
    assert all(a <= b for a, b in zip(rates, rates[2:], strict=False))
    assert all(a >= b for a, b in zip(errors, errors[2:], strict=False))
    assert rates[-1] > 3 * rates[0] and errors[-1] < errors[0] / 4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gray", [False, True])
def test_stripped_stream_shows_the_samples_of_the_codecs_own_file(name: str, gray: bool) -> None:
    codec = make(name)
    analysis = codec.analyse(picture(111, 203, gray=gray))
    for quality in (0.0, 0.3, 0.6, 0.9):
        stream = codec.codec.compress(analysis.image, quality, dict(codec.setup.options))
        (layer,) = codec.encode(analysis, quality)
        assert layer[0] & FORM != WHOLE, "the stream was not stripped"
        # Pillow's own reading of the codec's own file, apart from anything of ours.
        own = np.asarray(Image.open(BytesIO(stream.file)))
        shown = codec.decode((layer,), Size(111, 203))[0].pixels
        assert np.array_equal(
            np.rint(shown * 255), np.moveaxis(np.atleast_3d(own), 2, 0) + 0 * shown
        )
        least = SAVED[name] - 90 * (name == "jpeg" and gray)
        assert len(stream.file) - len(layer) >= least


def test_jpeg_restores_pillows_file_byte_for_byte() -> None:
    image = Image.fromarray((picture(77, 90).transpose(1, 2, 0) * 255).round().astype(np.uint8))
    size = Size(77, 90)
    for form in (_jpeg._ANNEX_K, _jpeg._OWN_TABLES, _jpeg._PROGRESSIVE):
        for sampling in range(4):
            for code in (0, 60, 128, 255):
                source = image if sampling else image.convert("L")
                stream = _jpeg._compress(source, form, sampling, code)
                assert stream.flags == form | sampling << 2
                assert _jpeg.restore(stream.flags, stream.body, size) == stream.file


def test_jpeg_steps_are_annex_k_at_scale_one_and_extreme_at_the_ends() -> None:
    from gcodec_classic._jpeg_tables import quantization

    assert quantization(0)[0] == [255] * 64 and quantization(0)[1] == [255] * 64
    assert max(quantization(255)[0]) == 1 == max(quantization(255)[1])
    # 25.5 * 2^(-k / 23) is 0.993 at k = 107.68; steps of 16 and more tell the scale.
    luma = quantization(107)[0]
    assert luma[:8] == [
        round(v * 25.5 * 2 ** (-107 / 23)) for v in (16, 11, 10, 16, 24, 40, 51, 61)
    ]
    previous = [256] * 128
    for code in range(256):
        steps = [*quantization(code)[0], *quantization(code)[1]]
        assert all(1 <= new <= old for new, old in zip(steps, previous, strict=True))
        previous = steps


def test_avif_every_sampling_is_stripped() -> None:
    for sampling in ("420", "422", "444"):
        codec = make("avif", subsampling=sampling)
        for size in ((1, 1), (2, 300), (65, 64), (255, 257)):
            (layer,) = codec.encode(codec.analyse(picture(*size)), 0.5)
            assert layer[0] & FORM != WHOLE, (sampling, size)


def test_jxl_lossless_at_quality_one() -> None:
    codec, pixels = make("jxl"), picture(40, 50)
    (signal,) = codec.decode(codec.encode(codec.analyse(pixels), 1.0), Size(40, 50))
    assert np.array_equal(signal.pixels, pixels) and signal.mse == 0.0


@pytest.mark.parametrize(
    "size", [(8, 8), (256, 256), (264, 256), (256, 257), (7, 14), (512, 513), (120, 160), (9000, 2)]
)
def test_jxl_header_is_predicted(size: tuple[int, int]) -> None:
    codec = make("jxl", effort=1)
    for gray in (False, True):
        (layer,) = codec.encode(codec.analyse(picture(*size, gray=gray)), 0.2)
        assert layer[0] & FORM != WHOLE


@pytest.mark.parametrize("name", NAMES)
def test_wrong_size_is_refused(name: str) -> None:
    """A payload moved into a file of another size; a whole form that declares one is refused before decoding."""
    codec = make(name)
    image = codec.analyse(picture(32, 48)).image
    file = codec.codec.compress(image, 0.5, dict(codec.setup.options)).file
    with pytest.raises(PayloadError, match="another size"):
        codec.decode((bytes([WHOLE, 100]) + file,), Size(48, 32))
    with pytest.raises(PayloadError, match="another size"):
        codec.decode((bytes([WHOLE, 100]) + file,), Size(1, 1))


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_is_a_payload_error_or_a_picture(name: str) -> None:
    codec = make(name)
    (layer,) = codec.encode(codec.analyse(picture(24, 24)), 0.3)
    for length in range(len(layer)):
        _decode_or_refuse(codec, layer[:length], Size(24, 24))
    for head in (b"", layer[:1]):
        with pytest.raises(PayloadError, match="fewer than two bytes"):
            codec.decode((head,), Size(24, 24))
    for layers in ((), (layer, layer)):
        with pytest.raises(PayloadError, match=f"{len(layers)} layers instead of one"):
            codec.decode(layers, Size(24, 24))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damaged_payloads_raise_payload_errors_only(name: str, data: Any) -> None:
    codec = make(name)
    size = Size(*data.draw(st.sampled_from([(16, 24), (33, 17)])))
    if data.draw(st.booleans()):
        quality = data.draw(st.sampled_from([0.0, 0.4, 0.8]))
        (layer,) = codec.encode(codec.analyse(picture(16, 24)), quality)
        damaged = bytearray(layer)
        for _ in range(data.draw(st.integers(1, 6))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    else:
        damaged = bytearray(data.draw(st.binary(max_size=80)))
    _decode_or_refuse(codec, bytes(damaged), size)


def _decode_or_refuse(codec: embedding.Classic, layer: bytes, size: Size) -> None:
    try:
        (signal,) = codec.decode((layer,), size)
    except PayloadError:
        return
    assert signal.pixels.shape == (3, *size) and np.isfinite(signal.pixels).all()


def test_jpeg_refuses_more_scans_than_its_script() -> None:
    """Thousands of empty scans are the known way to make a progressive decoder work for minutes."""
    with pytest.raises(PayloadError, match="more scans"):
        make("jpeg").decode((bytes([3 | 1 << 2, 0, 100]) + b"\xff\xda\0" * 5000,), Size(64, 64))


def test_jpeg_refuses_as_many_scans_in_a_whole_file() -> None:
    buffer = BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "JPEG", progressive=True)
    file = buffer.getvalue()
    assert make("jpeg").decode((bytes([WHOLE, 0]) + file,), Size(64, 64))
    last = file[file.rindex(_jpeg.SOS) : -2]
    many = bytes([WHOLE, 0]) + file[:-2] + _jpeg.MOST_SCANS * last + file[-2:]
    with pytest.raises(PayloadError, match="scans"):
        make("jpeg").decode((many,), Size(64, 64))


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_restored_travels_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = make(name)

    def fail(flags: int, body: bytes, size: Size) -> bytes:
        raise IndexError

    broken = embedding.Codec(codec.codec.name, codec.codec.format, codec.codec.compress, fail)
    monkeypatch.setattr(type(codec), "codec", broken)
    (layer,) = codec.encode(codec.analyse(picture(32, 48)), 0.5)
    assert layer[0] == WHOLE
    assert codec.decode((layer,), Size(32, 48))


def test_a_picture_beyond_the_codecs_sides_is_an_image_error() -> None:
    codec = make("webp")
    with pytest.raises(ImageError, match="WEBP cannot code 1x16384 pixels"):
        codec.encode(codec.analyse(np.zeros((3, 16384, 1), np.float32)), 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_decodes_in_a_fresh_process(name: str, tmp_path: Path) -> None:
    codec, pixels = make(name), picture(45, 67)
    (layer,) = codec.encode(codec.analyse(pixels), 0.5)
    (tmp_path / "layer").write_bytes(layer)
    program = (
        "import sys, hashlib\n"
        "from gcodec.interfaces import Setup, Size\n"
        "from gcodec.run import Run\n"
        "from gcodec_classic import embedding\n"
        f"codec = embedding.{name.capitalize()}(Setup(Run()))\n"
        "signal = codec.decode((open(sys.argv[1], 'rb').read(),), Size(45, 67))[0]\n"
        "print(hashlib.sha256(signal.pixels.tobytes()).hexdigest(), 'torch' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "layer")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    here = hashlib.sha256(codec.decode((layer,), Size(45, 67))[0].pixels.tobytes()).hexdigest()
    assert done.stdout.split() == [here, "False"]


def test_listing_imports_nothing_heavy() -> None:
    program = (
        "import sys; import gcodec_classic.plugin as p; p.gcodec_embeddings();"
        "print(sorted({'numpy', 'PIL', 'torch', 'pillow_jxl'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_specs_agree_with_the_registry() -> None:
    from gcodec_formats import registry as numbers

    for spec in SPECS.values():
        row = numbers.embedding(spec.id)
        assert row.name == spec.name and row.package == "gcodec-classic"
        assert spec.parse_class == "A" and spec.makes == ("preview",) and spec.model is None


def test_missing_jxl_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    with pytest.raises(UnusablePlugin, match=r"gcodec-classic\[jxl\]"):
        Registry.discover().embedding("jxl")
    with pytest.raises(UnusablePlugin, match=r"gcodec-classic\[jxl\]"):
        Registry.discover().embedding_by_id(4)


@pytest.mark.parametrize("name", ["webp", "avif"])
def test_a_pillow_without_a_codec_is_told_from_one_with_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Registry.discover().embedding(name).name == name
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "PIL")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnusablePlugin, match=f"without {name.upper()}".replace("WEBP", "WebP")):
        Registry.discover().embedding(name)


def test_jpeg_codes_colour_noise_at_the_highest_quality(capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).random((3, 256, 256), dtype=np.float32)
    made = gcodec.encode(gcodec.Picture(noise), "jpeg", target=gcodec.Target(quality=1.0))
    assert np.abs(gcodec.decode(made.data, "preview").picture.pixels - noise).mean() < 0.02
    assert capfd.readouterr().err == ""
