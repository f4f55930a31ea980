"""Pictures to and from NumPy, PIL and torch; what is no picture is refused by name, everywhere that takes one."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import gcodec
from gcodec.errors import ImageError, InvalidArgument, ModelMissing, TargetTooSmall, UsageError
from gcodec.models import ModelStore
from gcodec.pictures import psnr

RNG = np.random.default_rng(11)
DEEP = RNG.integers(0, 65536, (5, 7, 4), np.uint16)
EIGHT = RNG.integers(0, 256, (5, 7, 4), np.uint8)


@pytest.mark.parametrize("samples", [EIGHT, DEEP], ids=["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("layout", ["HWC", "CHW"])
def test_whole_numbers_come_back_as_they_were(
    samples: NDArray[Any], channels: int, layout: Any
) -> None:
    given = samples[..., :channels]
    if layout == "CHW":
        given = given.transpose(2, 0, 1)
    picture = gcodec.Picture.from_array(given, layout=layout)
    assert picture.depth == 8 * samples.itemsize
    assert picture.channels == (1 if channels < 3 else 3)
    assert (picture.alpha is None) == (channels in (1, 3))
    largest = np.iinfo(samples.dtype).max
    exact = samples[..., 0].astype(np.float64) / largest
    assert np.abs(picture.pixels[0] - exact).max() < 1e-7
    back = picture.to_array(samples.dtype.name, layout)
    assert back.dtype == samples.dtype and np.array_equal(back, given)


def test_the_layout_is_found_where_the_shape_leaves_no_doubt() -> None:
    for given, layout in ((EIGHT[..., 0], "HW"), (EIGHT, "HWC"), (EIGHT.transpose(2, 0, 1), "CHW")):
        found = gcodec.Picture.from_array(given)
        assert np.array_equal(found.pixels, gcodec.Picture.from_array(given, layout=layout).pixels)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match=r"\[3, 9, 3\] may be either; say layout"):
        gcodec.Picture.from_array(np.zeros((3, 9, 3), np.uint8))
    assert gcodec.Picture.from_array(np.zeros((3, 9, 3), np.uint8), layout="HWC").size == (3, 9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_shares_of_white(dtype: Any) -> None:
    share = np.array([[0, 0.25, 1]], dtype)
    assert gcodec.Picture.from_array(share).to_array("uint8", "HW").tolist() == [[0, 64, 255]]
    deep = gcodec.Picture.from_array(share, depth=16)
    assert (deep.depth, deep.pixels[1].tolist()) == (16, [[0, 0.25, 1]])
    transparent = gcodec.Picture.from_array(np.full((2, 2, 4), 0.5, dtype), layout="HWC")
    assert transparent.alpha is not None and transparent.alpha.tolist() == [[128, 128]] * 2
    opaque = np.ones((9, 9, 4), dtype)
    assert gcodec.Picture.from_array(opaque).alpha is None


def test_an_array_of_its_own_comes_back() -> None:
    picture = gcodec.Picture.from_array(EIGHT)
    picture.to_array("float32", "CHW")[:] = 0
    picture.to_array()[:] = 0
    assert np.array_equal(picture.to_array(), EIGHT)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.full((4, 5), 255.0), "goes from 255 to 255; divide it by 255 first"),
        (np.full((4, 5), 1000.0), "divide it by 65535 first"),
        (np.full((4, 5), -0.5), "goes from -0.5 to -0.5; clip it first"),
        (np.full((4, 5), np.nan), "not finite"),
        (np.full((4, 5), np.inf), "not finite"),
        (np.zeros((4, 5), np.int64), "not int64"),
        (np.zeros((4, 5), bool), "not bool"),
        (np.zeros((4, 5), complex), "not complex128"),
        (np.zeros((0, 5), np.uint8), "no samples"),
        (np.zeros((1, 3, 9, 9), np.uint8), "a batch; take one picture of it"),
        (np.zeros((9, 9, 9), np.uint8), "neither"),
        (np.zeros(9, np.uint8), "neither"),
        ([[1, 2]], "NumPy array, not list"),
        (Image.new("L", (3, 3)), "from_pil"),
    ],
)
def test_arrays_that_are_no_picture_are_refused(samples: Any, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        gcodec.Picture.from_array(samples)


def test_settings_that_contradict_the_array_are_refused() -> None:
    for how, said in (
        ({"layout": "HW"}, "not of the layout HW"),
        ({"layout": "WHC"}, "not of the layout WHC"),
        ({"layout": "CHW"}, "5 channels"),
        ({"depth": 16}, "have 8 bits, not 16"),
    ):
        with pytest.raises(InvalidArgument, match=said):
            gcodec.Picture.from_array(EIGHT, **how)  # type: ignore[arg-type]
    picture = gcodec.Picture.from_array(EIGHT)
    for dtype, layout, said in (
        ("float64", "HWC", "float64"),
        ("uint8", "HW", "4 planes"),
        ("uint8", "WHC", "HWC, CHW"),
    ):
        with pytest.raises(InvalidArgument, match=said):
            picture.to_array(dtype, layout)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pil_images_come_back_as_they_were(mode: str) -> None:
    samples = EIGHT[..., : len(mode)]
    image = Image.fromarray(samples[..., 0] if mode == "L" else samples, mode)
    image.info["icc_profile"] = None
    back = gcodec.Picture.from_pil(image).to_pil()
    assert (back.mode, back.tobytes()) == (mode, image.tobytes())


def test_a_pil_image_reads_as_its_file_does() -> None:
    upright = Image.fromarray(EIGHT[..., :3])
    exif = Image.Exif()
    exif[274] = 6
    stream = io.BytesIO()
    upright.save(stream, "PNG", exif=exif)
    turned = gcodec.Picture.from_pil(Image.open(stream))
    assert np.array_equal(turned.pixels, gcodec.load_image(stream.getvalue()).pixels)
    assert turned.size == (7, 5)
    deep = Image.fromarray(DEEP[..., 0])
    found = gcodec.Picture.from_pil(deep)
    assert (found.channels, found.depth) == (1, 16)
    assert np.array_equal(np.asarray(found.to_pil()), DEEP[..., 0])
    palette = upright.quantize(4)
    assert np.array_equal(
        gcodec.Picture.from_pil(palette).to_array(), np.asarray(palette.convert("RGB"))
    )


def test_torch_tensors_come_back_as_they_were() -> None:
    torch = pytest.importorskip("torch")
    planes = torch.from_numpy(EIGHT[..., :3].transpose(2, 0, 1).copy())
    picture = gcodec.Picture.from_torch(planes)
    assert np.array_equal(picture.to_array(), EIGHT[..., :3])
    share = picture.to_torch()
    assert share.shape == (3, 5, 7) and torch.equal((share * 255).round().byte(), planes)
    assert torch.equal(gcodec.Picture.from_torch(share.requires_grad_()).to_torch(), share)
    half = gcodec.Picture.from_torch(torch.full((5, 7), 0.5, dtype=torch.bfloat16))
    assert (half.channels, half.pixels.max()) == (1, 0.5)
    with pytest.raises(InvalidArgument, match="take one picture"):
        gcodec.Picture.from_torch(share[None])
    with pytest.raises(InvalidArgument, match="from_array"):
        gcodec.Picture.from_torch(EIGHT)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="from_torch"):
        gcodec.Picture(share)  # type: ignore[arg-type]


SOUND = np.full((3, 4, 5), 0.5, np.float32)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ((SOUND * 255).astype(np.uint8), "not uint8; make one with gcodec.Picture.from_array"),
        (SOUND.astype(np.float64), "not float64"),
        (SOUND.transpose(1, 2, 0), r"not \[4, 5, 3\]; gcodec.Picture.from_array"),
        (SOUND[0], r"not \[4, 5\]"),
        (SOUND[:, :0], r"not \[3, 0, 5\]"),
        (Image.new("RGB", (4, 4)), "from_pil"),
        ("photo.png", "load_image"),
    ],
)
def test_a_picture_is_made_of_planes_alone(wrong: Any, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        gcodec.Picture(wrong)
    if isinstance(wrong, np.ndarray):
        with pytest.raises(InvalidArgument, match=said):
            psnr(wrong, SOUND)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"alpha": np.zeros((5, 4), np.uint8)}, r"\[4, 5\], not uint8 \[5, 4\]"),
        ({"alpha": np.zeros((4, 5), np.float32)}, "not float32"),
        ({"alpha": 1}, "not int"),
        ({"channels": 4}, "not 4 of 8"),
        ({"depth": 10}, "not 3 of 10"),
    ],
)
def test_what_belongs_to_a_picture_fits_it(how: Any, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        gcodec.Picture(SOUND, **how)


@pytest.mark.parametrize(
    ("scale", "said"),
    [(255, "divide it by 255"), (np.nan, "not finite"), (-1, "from -0.5 to -0.5")],
)
@pytest.mark.parametrize("kind", ["save", "encode", "psnr"])
def test_samples_out_of_range_are_refused_before_anything_is_written(
    tmp_path: Path, installed: object, scale: float, said: str, kind: str
) -> None:
    picture = gcodec.Picture(SOUND * np.float32(scale))
    doors: dict[str, Callable[[], object]] = {
        "save": lambda: gcodec.save_image(picture, tmp_path / "a.png"),
        "encode": lambda: gcodec.encode(picture, "tiny"),
        "psnr": lambda: psnr(picture.pixels, SOUND),
    }
    with pytest.raises(InvalidArgument, match=said):
        doors[kind]()
    assert not list(tmp_path.iterdir())


def test_encode_takes_a_path_bytes_a_pil_image_or_a_picture(
    tmp_path: Path, installed: object
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(EIGHT).save(path)
    with Image.open(path) as image:
        sources = (path, str(path), path.read_bytes(), image, gcodec.load_image(path))
        made = {gcodec.encode(source, "tiny").data for source in sources}
        with pytest.raises(InvalidArgument, match="from_pil"):
            gcodec.load_image(image)  # type: ignore[arg-type]
    assert len(made) == 1
    for wrong, said in ((EIGHT, "from_array"), (None, "load_image"), (3, "load_image")):
        with pytest.raises(InvalidArgument, match=said):
            gcodec.encode(wrong, "tiny")  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match=said):
            gcodec.load_image(wrong)  # type: ignore[arg-type]


def test_decode_verify_and_inspect_take_a_path_or_bytes(tmp_path: Path, installed: object) -> None:
    data = gcodec.encode(gcodec.Picture(SOUND), "tiny").data
    path = tmp_path / "a.gcx"
    path.write_bytes(data)
    for source in (path, str(path), data, bytearray(data)):
        assert np.array_equal(
            gcodec.decode(source).picture.pixels, gcodec.decode(data).picture.pixels
        )
        assert gcodec.verify(source)["embedding"] == "tiny"
        assert gcodec.inspect(source)["bytes"] == len(data)
    with pytest.raises(InvalidArgument, match="as a path or as bytes, not as ndarray"):
        gcodec.decode(SOUND)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"no\.gcx: cannot be read"):
        gcodec.decode(tmp_path / "no.gcx")


def test_a_model_that_cannot_be_meant_is_told_apart(tmp_path: Path, installed: object) -> None:
    weights = tmp_path / "x.safetensors"
    weights.touch()
    store = ModelStore.installed()
    with pytest.raises(ModelMissing, match="it is a file, and a model is a folder"):
        store.find(str(weights))
    with pytest.raises(ModelMissing, match="model '' is not installed"):
        store.find("")
    picture = gcodec.Picture(SOUND)
    with pytest.raises(UsageError, match="'tiny' has no weights"):
        gcodec.encode(picture, "tiny", model=str(tmp_path))
    with pytest.raises(UsageError, match="'tiny' has no weights"):
        gcodec.encode(picture, "tiny", model="")
    with pytest.raises(ModelMissing, match="model ''"):
        gcodec.decode(gcodec.encode(picture, "tiny").data, "grain", model="")
    with pytest.raises(UsageError, match="'preview' has no weights"):
        gcodec.decode(gcodec.encode(picture, "tiny").data, model=str(tmp_path))


def test_a_target_that_alpha_makes_too_small_says_so(installed: object) -> None:
    alpha = RNG.integers(0, 256, (40, 40), np.uint8)
    picture = gcodec.Picture(np.full((3, 40, 40), 0.5, np.float32), alpha, exif=b"MM" * 50)
    target = gcodec.Target(bytes=100)
    with pytest.raises(
        TargetTooSmall, match=r"allow \d+, or do without its alpha \(\d+ bytes\)"
    ) as caught:
        gcodec.encode(picture, "tiny", target=target)
    assert 1600 < caught.value.smallest < 1800
    with pytest.raises(
        TargetTooSmall, match=r"its metadata \(\d+ bytes\) and its alpha \(\d+ bytes\)"
    ):
        gcodec.encode(picture, "tiny", target=target, metadata=True)
