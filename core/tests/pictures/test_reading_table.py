"""What is read is proved: format x depth x channels x layout x orientation, against readers that are not under test.

Files are made by libvips, tifffile and imagecodecs from samples that are known, or read by libvips where a format loses.
docs/pictures.md says the same in words.
"""

from __future__ import annotations

import io
import itertools
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from picture_files import encoded, png16
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from gcodec.errors import ImageError
from gcodec.pictures import Picture, load_image

imagecodecs = pytest.importorskip("imagecodecs")
tifffile = pytest.importorskip("tifffile")
pyvips = pytest.importorskip("pyvips")
pytest.importorskip("pillow_jxl")

HEIGHT, WIDTH = 9, 14
RNG = np.random.default_rng(12)


def samples(bits: int, channels: int) -> np.ndarray:
    """[H, W, C], unlike in every corner; black, white, clear and opaque among them."""
    made = RNG.integers(0, 1 << bits, (HEIGHT, WIDTH, channels))
    made[0, 0], made[0, 1] = 0, (1 << bits) - 1
    made[1:3] = (1 << bits) - 1
    return made.astype(np.uint8 if bits == 8 else np.uint16)


def vips(array: np.ndarray) -> Any:
    """A libvips image of samples, in the colour space that their number means."""
    image = pyvips.Image.new_from_array(array)
    deep, colour = array.dtype == np.uint16, array.shape[2] > 2
    space = ("rgb16" if deep else "srgb") if colour else ("grey16" if deep else "b-w")
    return image.copy(interpretation=space)


def vips_reads(data: bytes) -> np.ndarray:
    image = pyvips.Image.new_from_buffer(data, "").autorot()
    return image.numpy().reshape(image.height, image.width, -1)


def tiff(array: np.ndarray, bits: int, **options: Any) -> bytes:
    channels = array.shape[2]
    stored = array[..., 0] if channels == 1 else array
    options.setdefault("photometric", "rgb" if channels > 2 else "minisblack")
    if channels in (2, 4):
        options.setdefault("extrasamples", ["unassalpha"])
    if options.get("planarconfig") == "separate":
        stored = np.moveaxis(stored, -1, 0)
    if bits == 12:
        return tiff_of_12_bits(array, options["photometric"])
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, stored, **options)
    return buffer.getvalue()


def tiff_of_12_bits(array: np.ndarray, photometric: str) -> bytes:
    """One strip of packed samples, each row from a byte of its own; made by hand, as imagecodecs may not pack."""
    height, width, channels = array.shape
    bits = np.unpackbits(array.astype(">u2").reshape(height, -1, 1).view(np.uint8), axis=-1)
    strip = np.packbits(bits[..., 4:].reshape(height, -1), axis=-1).tobytes()
    directory: Any = ImageFileDirectory_v2(prefix=b"II")
    directory[256], directory[257], directory[258] = width, height, (12,) * channels
    directory[259], directory[277], directory[278] = 1, channels, height
    directory[262] = ("miniswhite", "minisblack", "rgb").index(photometric)
    directory[273], directory[279] = 0, len(strip)
    buffer = io.BytesIO()
    directory.save(buffer)
    return buffer.getvalue() + strip


def pnm(array: np.ndarray, bits: int) -> bytes:
    kind = b"P6" if array.shape[2] == 3 else b"P5"
    head = kind + b"\n# a comment\n%d %d\n%d\n" % (WIDTH, HEIGHT, (1 << bits) - 1)
    return head + array.astype(np.uint8 if bits == 8 else ">u2").tobytes()


def plain(array: np.ndarray) -> np.ndarray:
    return array[..., 0] if array.shape[2] == 1 else array


def by_vips(suffix: str, **options: Any) -> Callable[[np.ndarray, int], bytes]:
    return lambda array, bits: bytes(vips(array).write_to_buffer(suffix, **options))


def by_pillow(kind: str, **options: Any) -> Callable[[np.ndarray, int], bytes]:
    return lambda array, bits: encoded(Image.fromarray(plain(array)), kind, **options)


#: Name -> how a file is made, depths, numbers of channels. Every combination is a row; all are exact.
EXACT: dict[str, tuple[Callable[[np.ndarray, int], bytes], tuple[int, ...], tuple[int, ...]]] = {
    "PNG": (by_vips(".png"), (8, 16), (1, 2, 3, 4)),
    "PNG, interlaced": (by_vips(".png", interlace=True), (8, 16), (1, 2, 3, 4)),
    "WebP": (by_vips(".webp", lossless=True, exact=True), (8,), (3, 4)),
    "JPEG XL": (
        lambda a, bits: imagecodecs.jpegxl_encode(plain(a), lossless=True),
        (8, 16),
        (1, 2, 3, 4),
    ),
    "AVIF": (
        lambda a, bits: imagecodecs.avif_encode(plain(a), level=100, bitspersample=bits),
        (8, 10, 12),
        (1, 3, 4),
    ),
    "JPEG 2000": (
        lambda a, bits: imagecodecs.jpeg2k_encode(
            plain(a), level=0, bitspersample=bits, codecformat="jp2"
        ),
        (8, 12, 16),
        (1, 2, 3, 4),
    ),
    "JPEG 2000, bare": (
        lambda a, bits: imagecodecs.jpeg2k_encode(
            plain(a), level=0, bitspersample=bits, codecformat="j2k"
        ),
        (8, 12, 16),
        (1, 3),
    ),
    "TIFF": (tiff, (8, 16), (1, 3)),
    "TIFF of 12 bits": (tiff, (12,), (1,)),
    "TIFF with alpha": (tiff, (8, 16), (4,)),
    "TIFF, deflate and predictor": (
        lambda a, bits: tiff(a, bits, compression="zlib", predictor=True),
        (8, 16),
        (1, 3, 4),
    ),
    "TIFF, LZW": (lambda a, bits: tiff(a, bits, compression="lzw"), (8, 16), (1, 3, 4)),
    "TIFF, zstd": (lambda a, bits: tiff(a, bits, compression="zstd"), (8, 16), (1, 3, 4)),
    "TIFF, planes apart": (lambda a, bits: tiff(a, bits, planarconfig="separate"), (8, 16), (3, 4)),
    "TIFF, planes apart, deflate": (
        lambda a, bits: tiff(a, bits, planarconfig="separate", compression="zlib"),
        (8, 16),
        (3, 4),
    ),
    "TIFF, tiles": (lambda a, bits: tiff(a, bits, tile=(16, 16)), (8, 16), (1, 3, 4)),
    "TIFF, big endian": (lambda a, bits: tiff(a, bits, byteorder=">"), (8, 16), (1, 3, 4)),
    "BigTIFF": (lambda a, bits: tiff(a, bits, bigtiff=True), (8, 16), (1, 3)),
    "TIFF by libvips": (by_vips(".tif"), (8, 16), (1, 3, 4)),
    "PNM": (pnm, (8, 10, 16), (1, 3)),
    "BMP": (by_pillow("BMP"), (8,), (1, 3)),
    "TGA": (by_pillow("TGA"), (8,), (1, 3, 4)),
    "QOI": (by_pillow("QOI"), (8,), (3, 4)),
}

ROWS = [
    pytest.param(make, bits, channels, id=f"{name}-{bits} bits-{channels}")
    for name, (make, depths, counts) in EXACT.items()
    for bits, channels in itertools.product(depths, counts)
]


def check(picture: Picture, stored: np.ndarray, bits: int) -> None:
    top = (1 << bits) - 1
    channels = stored.shape[2]
    colours = 1 if channels < 3 else 3
    assert picture.depth == (8 if bits == 8 else 16)
    assert picture.channels == colours
    shown = stored[..., :colours].transpose(2, 0, 1) / top
    np.testing.assert_allclose(
        picture.pixels, np.broadcast_to(shown, picture.pixels.shape), atol=2**-17, rtol=0
    )
    assert (picture.alpha is not None) == (channels in (2, 4))
    if picture.alpha is not None:
        full = np.iinfo(picture.alpha.dtype).max
        np.testing.assert_allclose(picture.alpha / full, stored[..., -1] / top, atol=2**-17, rtol=0)


@pytest.mark.parametrize(("make", "bits", "channels"), ROWS)
def test_samples_are_exact(
    make: Callable[[np.ndarray, int], bytes], bits: int, channels: int
) -> None:
    stored = samples(bits, channels)
    check(load_image(make(stored, bits)), stored, bits)


def turned(array: np.ndarray, orientation: int) -> np.ndarray:
    across = {2: array[:, ::-1], 3: array[::-1, ::-1], 4: array[::-1], 6: np.rot90(array, -1)}
    across[5], across[8] = array.swapaxes(0, 1), np.rot90(array)
    across[7] = array.swapaxes(0, 1)[::-1, ::-1]
    return across.get(orientation, array)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("planar", [False, True])
def test_tiff_is_upright(orientation: int, bits: int, channels: int, planar: bool) -> None:
    stored = samples(bits, channels)
    options: dict[str, Any] = {"planarconfig": "separate"} if planar and channels > 1 else {}
    data = tiff(stored, bits, extratags=[(274, 3, 1, orientation, True)], **options)
    check(load_image(data), turned(stored, orientation), bits)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_what_loses_is_what_the_other_reader_sees(suffix: str, orientation: int) -> None:
    smooth = np.add.outer(np.arange(24.0), 2 * np.arange(40.0))
    array = np.stack([smooth, smooth[::-1], 120 - smooth], -1).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(array)
    exif = Image.Exif()
    exif[274] = orientation
    kind = {".jpg": "JPEG", ".webp": "WEBP", ".avif": "AVIF"}[suffix]
    data = encoded(image, kind, exif=exif, quality=90)
    seen = load_image(data)
    other = turned(array, orientation) if suffix == ".avif" else vips_reads(data)
    assert seen.size == other.shape[:2]
    difference = np.abs(seen.pixels.transpose(1, 2, 0) * 255 - other[..., :3])
    assert difference.mean() < (4 if suffix == ".avif" else 1.5)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_white_is_zero(bits: int) -> None:
    stored = samples(bits, 1)
    if bits == 12:
        with pytest.raises(ImageError, match="TIFF"):
            load_image(tiff(stored, bits, photometric="miniswhite"))
        return
    data = tiff(stored, bits, photometric="miniswhite")
    check(load_image(data), ((1 << bits) - 1 - stored.astype(int)), bits)


def test_multiplied_alpha_is_divided_out() -> None:
    straight = samples(16, 4).astype(np.int64)
    straight[..., 3] = np.maximum(straight[..., 3], 20000)
    multiplied = straight.copy()
    multiplied[..., :3] = (straight[..., :3] * straight[..., 3:] + 32767) // 65535
    data = tiff(multiplied.astype(np.uint16), 16, extrasamples=["assocalpha"])
    picture = load_image(data)
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha, straight[..., 3])
    shown = picture.pixels.transpose(1, 2, 0) * 65535
    assert np.abs(shown - straight[..., :3]).max() < 3


def refusals() -> Iterator[Any]:
    real = RNG.random((HEIGHT, WIDTH, 3)).astype(np.float32)
    deep = samples(16, 4)
    yield "RGB TIFF of 12 bits", tiff(samples(12, 3), 12), "TIFF"
    yield "float RGB TIFF", tiff(real, 16), "TIFF"
    yield "gray TIFF with alpha", tiff(deep[..., :2], 16), "TIFF"
    yield "CMYK TIFF of 16 bits", tiff(deep, 16, photometric="separated", extrasamples=[]), "RGB"
    signed = (deep[..., :1] // 2).astype(np.int16)
    yield "signed TIFF", tiff(signed, 16), "signed"
    yield "TIFF of 32 bits", tiff(deep[..., :1].astype(np.uint32) << 16, 16), "32-bit"


@pytest.mark.parametrize(
    ("data", "text"), [pytest.param(data, text, id=name) for name, data, text in refusals()]
)
def test_what_is_not_read_is_refused_by_name(data: bytes, text: str) -> None:
    with pytest.raises(ImageError, match=text):
        load_image(data)


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


def avif_of(primaries: int, transfer: int) -> bytes:
    data = imagecodecs.avif_encode(samples(10, 3), level=100, bitspersample=10)
    at = data.find(b"colrnclx") + 8
    assert at > 8
    return bytes(data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :])


@pytest.mark.parametrize("kind", ["PNG", "AVIF"])
def test_colours_in_code_points(kind: str) -> None:
    def made(primaries: int, transfer: int) -> bytes:
        if kind == "AVIF":
            return avif_of(primaries, transfer)
        code = bytes([primaries, transfer, 0, 1])
        return with_chunk(png16(samples(16, 3)), b"cICP", code)

    for transfer, name in ((16, "PQ"), (18, "HLG")):
        with pytest.raises(ImageError, match=name):
            load_image(made(9, transfer))
    with pytest.warns(UserWarning, match="primaries 12"):
        assert load_image(made(12, 13)).depth == 16
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_image(made(1, 13))


def test_a_gain_map_is_said_to_be_left_out() -> None:
    xmp = b'<x:xmpmeta xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'
    data = encoded(Image.fromarray(samples(8, 3)), "JPEG", xmp=xmp)
    with pytest.warns(UserWarning, match="gain map"):
        load_image(data)


def test_clear_colour_of_a_16_bit_png() -> None:
    stored = samples(16, 3)
    data = with_chunk(png16(stored), b"tRNS", stored[4, 5].astype(">u2").tobytes())
    picture = load_image(data)
    assert picture.depth == 16 and picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha == 0, (stored == stored[4, 5]).all(-1))


@pytest.mark.parametrize("missing", ["imagecodecs", "tifffile"])
def test_without_the_extra_deep_files_are_refused_by_name(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "TIFF": tiff(samples(16, 3), 16),
        "JPEG 2000": imagecodecs.jpeg2k_encode(samples(16, 3), level=0, codecformat="jp2"),
        "JPEG XL": imagecodecs.jpegxl_encode(samples(16, 3), lossless=True),
        "AVIF": imagecodecs.avif_encode(samples(10, 3), level=100, bitspersample=10),
    }
    plain = [png16(samples(16, 4)), pnm(samples(16, 3), 16), tiff(samples(16, 1), 16)]
    monkeypatch.setitem(sys.modules, missing, None)
    for kind, data in files.items():
        if missing == "tifffile" and kind != "TIFF":
            continue
        with pytest.raises(ImageError, match=rf"{kind}.*pip install 'gcodec\[deep\]'"):
            load_image(data)
    assert all(load_image(data).depth == 16 for data in plain)


CUT = [
    pytest.param(make, bits, channels, id=f"{name}-{bits} bits-{channels}")
    for name, (make, depths, counts) in EXACT.items()
    for bits, channels in itertools.product(depths, counts)
    if name.startswith(("TIFF", "JPEG XL", "AVIF", "PN", "JPEG 2000"))
]


@pytest.mark.parametrize(("make", "bits", "channels"), CUT)
def test_half_a_file_is_no_picture(
    make: Callable[[np.ndarray, int], bytes], bits: int, channels: int, caplog: Any
) -> None:
    data = make(samples(bits, channels), bits)
    with pytest.raises(ImageError):
        load_image(data[: len(data) // 2])
    assert not caplog.records


def entry(data: bytes, tag: int) -> int:
    """Where the directory's entry of that tag is."""
    first = struct.unpack("<I", data[4:8])[0]
    (count,) = struct.unpack("<H", data[first : first + 2])
    places = (first + 2 + 12 * k for k in range(count))
    return next(at for at in places if struct.unpack("<H", data[at : at + 2])[0] == tag)


@pytest.mark.parametrize("tag", [273, 279])
def test_a_missing_strip_is_not_black(tag: int) -> None:
    data = tiff(samples(16, 3), 16, compression="zlib")
    at = entry(data, tag) + 8
    with pytest.raises(ImageError, match="missing"):
        load_image(data[:at] + bytes(4) + data[at + 4 :])


def test_a_name_in_another_alphabet_does_not_cost_the_tiff(caplog: Any) -> None:
    stored = samples(16, 3)
    data = tiff(stored, 16, software="abcdefgh").replace(b"abcdefgh", b"abc\xff\xfe\x81gh")
    check(load_image(data), stored, 16)
    assert not caplog.records
