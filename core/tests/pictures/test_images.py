"""Pictures in and out: every usual kind of file, every failure one line, nothing half written."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from gcodec.errors import ImageError, OutputError
from gcodec.pictures import GENERATIVE, Picture, load_image, pack_alpha, save_image, unpack_alpha
from gcodec.pictures._jxl_size import jxl_size
from gcodec.pictures._provenance import NAMESPACE, xmp_packet
from gcodec_formats import DEFAULT_LIMITS, Limits, Size

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (13, 17, 3), dtype=np.uint8)
ORIENTATION = 0x0112


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png16(samples: np.ndarray) -> bytes:
    """A 16-bit PNG, which Pillow cannot write for more than one channel; every row has another filter."""
    height, width, channels = samples.shape
    rows = samples.astype(">u2").reshape(height, -1).view(np.uint8).astype(int)
    text = b""
    for y, row in enumerate(rows):
        left = np.concatenate([np.zeros(2 * channels, int), row[: -2 * channels]])
        above = rows[y - 1] if y else np.zeros_like(row)
        guess = (np.zeros_like(row), left, above)[y % 3]
        text += bytes([y % 3]) + ((row - guess) % 256).astype(np.uint8).tobytes()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(text)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def eight(picture: Picture) -> np.ndarray:
    return np.rint(picture.pixels * 255).astype(np.uint8).transpose(1, 2, 0)


# Reading.


def test_8_bit_rgb_is_exact() -> None:
    picture = load_image(encoded(Image.fromarray(RGB)))
    assert picture.size == Size(13, 17) and (picture.channels, picture.depth) == (3, 8)
    assert np.array_equal(eight(picture), RGB)
    assert picture.pixels.dtype == np.float32 and picture.pixels.max() <= 1
    assert picture.alpha is None and picture.icc is None


def test_from_path_bytes_and_stream(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(RGB))
    (tmp_path / "a.png").write_bytes(data)
    with (tmp_path / "a.png").open("rb") as stream:
        pictures = [
            load_image(s) for s in (str(tmp_path / "a.png"), tmp_path / "a.png", data, stream)
        ]
    assert all(np.array_equal(p.pixels, pictures[0].pixels) for p in pictures)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_modes_mean_what_pillow_says(mode: str) -> None:
    source = Image.fromarray(RGB).convert("RGBA" if "A" in mode else "RGB")
    if "A" in mode:
        source.putalpha(Image.fromarray(np.arange(13 * 17, dtype=np.uint8).reshape(13, 17)))
    image = source.convert(mode)
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    picture = load_image(encoded(image, kind))
    # Pillow's TIFF reader is the judge for subsampled or converted colour.
    expected = np.asarray(Image.open(io.BytesIO(encoded(image, kind))).convert("RGB"))
    assert np.array_equal(eight(picture), expected)
    assert picture.channels == (1 if mode in ("1", "L", "LA") else 3)
    assert (picture.alpha is not None) == ("A" in mode)


def test_palette_with_transparency() -> None:
    image = Image.fromarray(RGB).quantize(8)
    picture = load_image(encoded(image, "PNG", transparency=3))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, np.asarray(image) == 3)


def test_opaque_alpha_is_dropped_and_other_alpha_kept() -> None:
    image = Image.fromarray(RGB).convert("RGBA")
    assert load_image(encoded(image)).alpha is None
    image.putpixel((4, 2), (1, 2, 3, 254))
    alpha = load_image(encoded(image)).alpha
    assert alpha is not None and alpha[2, 4] == 254 and (alpha == 255).sum() == alpha.size - 1


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_png_is_exact(channels: int) -> None:
    samples = RNG.integers(0, 65536, (9, 11, channels), dtype=np.uint16)
    picture = load_image(png16(samples))
    assert picture.depth == 16 and picture.channels == min(channels, 3)
    colours = samples[..., :3].transpose(2, 0, 1)
    assert np.array_equal(
        np.rint(picture.pixels * 65535.0).astype(int), np.broadcast_to(colours, (3, 9, 11))
    )
    if channels == 4:
        assert picture.alpha is not None and picture.alpha.dtype == np.uint16
        assert np.array_equal(picture.alpha, samples[..., 3])


def test_16_bit_gray_with_alpha_is_read_at_8_bits() -> None:
    samples = RNG.integers(0, 65536, (9, 11, 2), dtype=np.uint16)
    picture = load_image(png16(samples))
    assert picture.depth == 8 and picture.alpha is not None
    assert np.array_equal(picture.alpha, samples[..., 1] >> 8)


def test_16_bit_pgm_and_tiff() -> None:
    samples = RNG.integers(0, 65536, (5, 6), dtype=np.uint16)
    pgm = b"P5 6 5 65535\n" + samples.astype(">u2").tobytes()
    tiff = encoded(Image.fromarray(samples), "TIFF")
    for data in (pgm, tiff):
        picture = load_image(data)
        assert (picture.depth, picture.channels) == (16, 1)
        assert np.array_equal(np.rint(picture.pixels[1] * 65535.0), samples)


def test_floating_point_samples() -> None:
    real = np.linspace(0, 1, 30, dtype=np.float32).reshape(5, 6)
    assert np.array_equal(load_image(encoded(Image.fromarray(real), "TIFF")).pixels[2], real)
    for bad in (real * 2, real - 1, np.full((2, 2), np.nan, np.float32)):
        with pytest.raises(ImageError, match="outside 0"):
            load_image(encoded(Image.fromarray(bad), "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_exif_orientation_is_applied_and_removed(orientation: int, deep: bool) -> None:
    turned = {
        1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1), 7: np.rot90(RGB.transpose(1, 0, 2), 2), 8: np.rot90(RGB),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x0131] = "a camera"
    data = encoded(Image.fromarray(RGB), "PNG", exif=exif)
    if deep:
        block = exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = struct.pack(">I", len(block)) + b"eXIf" + block
        chunk += struct.pack(">I", zlib.crc32(b"eXIf" + block))
        plain = png16(RGB.astype(np.uint16) * 257)
        data = plain[:33] + chunk + plain[33:]
    picture = load_image(data)
    assert picture.depth == (16 if deep else 8)
    assert np.array_equal(eight(picture), turned)
    assert picture.exif is not None
    kept = Image.Exif()
    kept.load(picture.exif)
    assert ORIENTATION not in kept and kept[0x0131] == "a camera"


def test_xmp_orientation_is_removed_too() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    picture = load_image(encoded(Image.fromarray(RGB), "WEBP", lossless=True, exif=exif, xmp=xmp))
    assert picture.size == Size(17, 13) and picture.xmp is not None
    assert b"Orientation" not in picture.xmp


@cache  # a profile holds the second in which it was made
def profile(kind: str = "sRGB") -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()  # type: ignore[arg-type]


def adobe_like() -> bytes:
    """The sRGB profile with red and blue primaries exchanged: certainly not sRGB, and valid."""
    data = bytearray(profile())
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * data[131], 12)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    data[red + 4 : red + 8], data[blue + 4 : blue + 8] = (
        data[blue + 4 : blue + 8], data[red + 4 : red + 8],
    )  # fmt: skip
    return bytes(data)


def test_srgb_profile_is_dropped_and_others_kept() -> None:
    image = Image.fromarray(RGB)
    assert load_image(encoded(image, icc_profile=profile())).icc is None
    assert load_image(encoded(image, icc_profile=adobe_like())).icc == adobe_like()
    # A profile for other channels than the picture has cannot describe it.
    assert load_image(encoded(image.convert("L"), icc_profile=adobe_like())).icc is None


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "GIF", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken_with_a_warning(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="first of 3 frames"):
        picture = load_image(data)
    assert picture.pixels[0].min() > 0.9 and picture.pixels[1:].max() < 0.1


# What bad input gets.


def test_every_failure_to_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    cases: list[tuple[Any, str]] = [
        (tmp_path / "absent.png", "no such file"),
        (tmp_path, "directory"),
        (tmp_path / "text.png", "not a picture"),
        (tmp_path / "empty.png", "empty"),
        (encoded(Image.fromarray(RGB))[:-60], "damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    ]
    for source, text in cases:
        with pytest.raises(ImageError, match=text) as caught:
            load_image(source)
        assert "\n" not in str(caught.value)


def test_pixels_are_limited_before_decoding() -> None:
    limits = Limits(pixels=200)
    with pytest.raises(ImageError, match="17x13 is more than the limit of 200"):
        load_image(encoded(Image.fromarray(RGB)), limits=limits)
    # A bomb: a header that declares far more than its few bytes hold.
    data = bytearray(png16(np.zeros((1, 1, 3), np.uint16)))
    data[16:24] = struct.pack(">II", 60000, 60000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    with pytest.raises(ImageError, match="more pixels than the limit"):
        load_image(bytes(data))


def test_own_limit_holds_instead_of_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    assert load_image(encoded(Image.fromarray(RGB))).size == Size(13, 17)
    assert Image.MAX_IMAGE_PIXELS == 20


def test_jxl_size_is_read_without_decoding() -> None:
    pytest.importorskip("pillow_jxl")
    for size in [(8, 8), (256, 256), (7, 14), (300, 400), (512, 9), (1, 1030)]:
        image = Image.new("RGB", (size[1], size[0]), "red")
        for options in (
            {},
            {"use_container": True},
            {"use_container": True, "exif": b"II*\0" + bytes(8)},
        ):
            assert jxl_size(encoded(image, "JXL", effort=1, **options)) == size
    # 2^30 x 2^30 in a dozen bytes.
    text = "0" + "11" + "1" * 30 + "100" + "0" * 12
    bomb = b"\xff\x0a" + int(text[::-1], 2).to_bytes(6, "little")
    with pytest.raises(ImageError, match="limit"):
        load_image(bomb)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_files_are_image_errors_or_pictures(data: Any) -> None:
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF", "JPEG2000"]))
    damaged = bytearray(encoded(Image.fromarray(RGB), kind))
    for _ in range(data.draw(st.integers(0, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(damaged)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = load_image(bytes(damaged[:length]), limits=Limits(pixels=1 << 16))
        except ImageError as error:
            assert "\n" not in str(error)
        else:
            assert np.isfinite(picture.pixels).all()


# Writing.


def photo(**changes: Any) -> Picture:
    pixels = RGB.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    return Picture(**{"pixels": pixels, **changes})


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".jxl"])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_formats_are_exact(
    tmp_path: Path, suffix: str, alpha: bool, channels: int
) -> None:
    if suffix == ".jxl":
        pytest.importorskip("pillow_jxl")
    picture = photo(alpha=RGB[..., 1] if alpha else None, channels=channels)
    if channels == 1:
        picture = photo(pixels=np.repeat(picture.pixels[:1], 3, 0), alpha=picture.alpha, channels=1)
    save_image(picture, tmp_path / f"a{suffix}")
    again = load_image(tmp_path / f"a{suffix}")
    assert np.array_equal(eight(again), eight(picture))
    assert again.channels == channels or suffix == ".webp"  # WebP has no gray
    assert (again.alpha is None) == (not alpha)
    assert not alpha or np.array_equal(again.alpha, RGB[..., 1])


@pytest.mark.parametrize("suffix", [".jpg", ".avif"])
def test_lossy_formats_are_close(tmp_path: Path, suffix: str) -> None:
    y, x = np.mgrid[0:40, 0:60] / 60
    picture = photo(pixels=np.stack([x, y, 1 - x]).astype(np.float32))
    save_image(picture, tmp_path / f"a{suffix}")
    difference = load_image(tmp_path / f"a{suffix}").pixels - picture.pixels
    assert np.sqrt(np.mean(difference**2)) < 2 / 255


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bit_gray_survives(tmp_path: Path, suffix: str) -> None:
    samples = RNG.integers(0, 65536, (9, 11), dtype=np.uint16)
    pixels = np.repeat(samples[None].astype(np.float32) / np.float32(65535), 3, 0)
    save_image(photo(pixels=pixels, channels=1, depth=16), tmp_path / f"a{suffix}")
    assert np.array_equal(np.asarray(Image.open(tmp_path / f"a{suffix}")), samples)


def test_avif_keeps_alpha_exactly(tmp_path: Path) -> None:
    save_image(photo(alpha=RGB[..., 1]), tmp_path / "a.avif")
    alpha = load_image(tmp_path / "a.avif").alpha
    assert alpha is not None and np.array_equal(alpha, RGB[..., 1])


def test_jpeg_refuses_alpha(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="transparency"):
        save_image(photo(alpha=RGB[..., 1]), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tiff"])
def test_profile_exif_and_provenance_travel(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0131] = "a camera"
    raw = exif.tobytes().removeprefix(b"Exif\0\0")
    path = tmp_path / f"a{suffix}"
    save_image(
        photo(icc=adobe_like(), exif=raw),
        path,
        parameters={"embedding": "ntc", "reconstructor": '<"&>'},
        generative=True,
    )
    image = Image.open(path)
    image.load()
    assert image.info["icc_profile"] == adobe_like()
    assert image.getexif()[0x0131] == "a camera"
    xmp = image.info["xmp"]
    values = {
        name: value
        for node in ElementTree.fromstring(xmp.strip(b"\0").decode()).iter()
        for name, value in node.attrib.items()
    }
    key = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
    assert values[key] == GENERATIVE
    assert values[f"{{{NAMESPACE}}}embedding"] == "ntc"
    assert values[f"{{{NAMESPACE}}}reconstructor"] == '<"&>'


def test_png_has_xmp_where_the_xmp_standard_puts_it(tmp_path: Path) -> None:
    save_image(photo(), tmp_path / "a.png", generative=True)
    assert b"iTXtXML:com.adobe.xmp\0\0\0\0\0<?xpacket" in (tmp_path / "a.png").read_bytes()


def test_plain_pictures_claim_nothing(tmp_path: Path) -> None:
    save_image(photo(), tmp_path / "a.png")
    assert b"xmp" not in (tmp_path / "a.png").read_bytes()
    assert (photo().channels, photo().depth, photo().alpha, photo().icc) == (3, 8, None, None)
    save_image(photo(), tmp_path / "b.png", parameters={"embedding": "webp"})
    assert b"DigitalSourceType" not in (tmp_path / "b.png").read_bytes()


def test_earlier_claim_is_replaced_and_the_rest_kept() -> None:
    for claim in (
        ' Iptc4xmpExt:DigitalSourceType="http://x/digitalCapture"/>',
        "><Iptc4xmpExt:DigitalSourceType>http://x/digitalCapture</Iptc4xmpExt:DigitalSourceType></rdf:Description>",
    ):
        original = (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
            '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:Iptc4xmpExt='
            '"http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
            f' dc:creator="Zoë"{claim}</rdf:RDF></x:xmpmeta>'
        ).encode()
        text = (xmp_packet(original, GENERATIVE, {}) or b"").decode()
        ElementTree.fromstring(text)
        assert text.count("DigitalSourceType") == 1 and "digitalCapture" not in text
        assert "Zoë" in text and GENERATIVE in text
    assert xmp_packet(original, None, {}) == original


def test_a_parameter_must_be_an_xml_name() -> None:
    with pytest.raises(ValueError, match="XMP property"):
        xmp_packet(None, None, {"a b": "c"})


def test_streams() -> None:
    stream = io.BytesIO()
    save_image(photo(), stream)
    assert np.array_equal(eight(load_image(stream.getvalue())), RGB)


# The alpha segment.


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_segment_is_lossless(dtype: Any) -> None:
    alpha = RNG.integers(0, np.iinfo(dtype).max, (7, 9), dtype=dtype)
    again = unpack_alpha(pack_alpha(alpha), Size(7, 9))
    assert again.dtype == dtype and np.array_equal(again, alpha)
    assert DEFAULT_LIMITS.pixels >= alpha.size
