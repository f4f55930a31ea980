"""What the libraries are asked for: the quality that the README states, and headers that say what their encoders did."""

from __future__ import annotations

import sys
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gcodec.interfaces import Size
from gcodec_classic._stream import FORM, WHOLE

sys.path.insert(0, str(Path(__file__).resolve().parent))

from classic_codecs import make, picture


@pytest.mark.parametrize(
    ("name", "quality", "settings"),
    [
        ("webp", 0.5, {"quality": 25, "method": 6}),
        ("webp", 0.8, {"quality": 64, "method": 6}),
        (
            "avif",
            0.5,
            {
                "quality": 50,
                "speed": 3,
                "subsampling": "4:4:4",
                "max_threads": 1,
                "advanced": {"tune": "psnr"},
            },
        ),
        ("jxl", 0.5, {"quality": 49.75, "effort": 7}),
    ],
)
def test_the_dial_is_the_librarys_as_the_readme_has_it(
    name: str, quality: float, settings: dict[str, Any]
) -> None:
    codec = make(name, **({"subsampling": "444", "effort": 7} if name == "avif" else {}))
    image = codec.analyse(picture(96, 128)).image
    buffer = BytesIO()
    image.save(buffer, codec.codec.format, **settings)
    stream = codec.codec.compress(image, quality, codec.setup.options)
    assert stream.file == buffer.getvalue()


@pytest.mark.parametrize("size", [(64, 64), (400, 600), (800, 1000)])
def test_avif_states_the_level_that_the_encoder_did(size: tuple[int, int]) -> None:
    """A decoder may refuse a picture that is larger than its level allows (AV1, annex A.3): 2.0, 2.1 or 3.0, and 3.1."""
    codec = make("avif", effort=0)
    stream = codec.codec.compress(codec.analyse(picture(*size)).image, 0.1, codec.setup.options)
    assert stream.flags & FORM != WHOLE
    stated, restored = (
        file[file.index(b"mdat") + 4 :].removeprefix(b"\x12\0")
        for file in (stream.file, codec.codec.restore(stream.flags, stream.body, Size(*size)))
    )
    assert restored == stated


def test_avif_is_the_same_file_on_any_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """libaom divides the work among threads, and writes other bytes for it, unless it is told."""
    from PIL import AvifImagePlugin

    from gcodec.testing import pictures

    pixels = pictures.as_picture(pictures.photograph(384, 512)).pixels
    codec = make("avif", effort=2)

    def coded(threads: int) -> tuple[bytes, ...]:
        monkeypatch.setattr(AvifImagePlugin, "_get_default_max_threads", lambda: threads)
        return codec.encode(codec.analyse(pixels), 0.5)

    assert coded(1) == coded(2) == coded(4)


@pytest.mark.parametrize(
    ("name", "options"),
    [("jpeg", {}), ("webp", {}), ("avif", {"effort": 2}), ("jxl", {"effort": 7})],
)
def test_no_setting_is_beaten_by_another(name: str, options: dict[str, Any]) -> None:
    """More of the dial is more bytes and less error; benchmarks/dials.py shows more of it. Noise: 2 % and 0.2 dB."""
    from gcodec.pictures import psnr
    from gcodec.testing import pictures

    # Grain, which half of the resolution cannot hold.
    smooth = pictures.as_picture(pictures.photograph(160, 192)).pixels
    grain = np.random.default_rng(0).standard_normal((160, 192), np.float32)
    pixels = np.clip(smooth + np.float32(0.05) * grain, 0, 1)
    codec = make(name, **options)
    analysis = codec.analyse(pixels)
    found = []
    for quality in (0, 0.1, 0.17, 0.18, 0.19, 0.25, 0.4, 0.6, 0.8, 0.95):
        layers = codec.encode(analysis, quality)
        (preview,) = codec.decode(layers, Size(160, 192))
        found.append((len(layers[0]), psnr(preview.pixels, pixels)))
    for (size, score), (larger, better) in pairwise(found):
        assert larger > 0.98 * size
        assert better > score - 0.2
