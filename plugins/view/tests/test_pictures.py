"""Pictures on the page, against the decode in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chromium import BRIDGE, PREVIEW, Chromium, check_close, shown
from PIL import Image

import gcodec
import gcodec_formats as gcx
from gcodec.pictures._provenance import GENERATIVE
from gcodec.registry import load_object

CONFORMANCE = Path(__file__).parents[3] / "spec/conformance"


@pytest.mark.parametrize("name", ["ntc.gcx", "odd sides.gcx", "linear.gcx"])
def test_ntc_is_decoded_as_in_python(
    open_page: Callable[..., Chromium], files: dict[str, bytes], name: str
) -> None:
    browser = open_page(name)
    check_close(shown(browser, PREVIEW), gcodec.decode(files[name], "preview"))
    check_close(shown(browser, BRIDGE), gcodec.decode(files[name], "bridge"))
    assert browser.do("complaints") == []


@pytest.mark.parametrize("name", ["ldm_quant.gcx", "dithered.gcx", "rate_variable.gcx"])
def test_latents_are_decoded_as_in_python(
    open_page: Callable[..., Chromium], files: dict[str, bytes], name: str
) -> None:
    check_close(shown(open_page(name), PREVIEW), gcodec.decode(files[name], "preview"))


@pytest.mark.parametrize("name", ["ntc", "ntc-linear", "ldm_quant"])
def test_the_conformance_set_is_shown_within_its_tolerance(
    open_page: Callable[..., Chromium], name: str
) -> None:
    table = json.loads((CONFORMANCE / "conformance.json").read_text("utf-8"))
    with Image.open(CONFORMANCE / f"{name}.preview.png") as kept:
        steps = shown(open_page(f"set {name}.gcx"), PREVIEW)[..., :3] - np.asarray(kept).astype(int)
    assert np.abs(steps).max() <= table[name]["pictures"]["preview"]["tolerance"]


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_a_classical_picture_is_shown_by_the_browser(
    open_page: Callable[..., Chromium], files: dict[str, bytes], name: str
) -> None:
    browser = open_page(f"{name}.gcx")
    seen = shown(browser, PREVIEW)[..., :3].astype(int)
    wanted = gcodec.decode(files[f"{name}.gcx"], "preview").picture.to_array().astype(int)
    # Chroma is interpolated, and colours are turned, a little otherwise than in Pillow.
    assert np.abs(seen - wanted).mean() < 1.5


def saved(browser: Chromium, what: str) -> tuple[str, bytes]:
    """Press the button that saves the picture's own file (body) or what is seen (png); return its type and contents."""
    button = f"document.querySelector('button[data-save={what}]:not([hidden])')"
    browser.wait(button)
    kind, contents = browser.do(
        "evaluate",
        script=f"""
            const make = URL.createObjectURL;
            return new Promise((resolve) => {{
                URL.createObjectURL = (blob) => {{
                    URL.createObjectURL = make;
                    blob.arrayBuffer().then((buffer) => resolve([blob.type, [...new Uint8Array(buffer)]]));
                    return make.call(URL, blob);
                }};
                {button}.click();
            }});
        """,
    )
    return kind, bytes(contents)


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", "jxl"])
def test_a_classical_picture_is_saved_as_its_codec_wrote_it(
    open_page: Callable[..., Chromium], files: dict[str, bytes], name: str
) -> None:
    file = gcx.read(files[f"{name}.gcx"])
    (flags, _), body = file.segments[0].data[:2], file.segments[0].data[2:]
    codec = load_object(name, f"gcodec_classic.embedding:{name.capitalize()}").codec
    wanted = codec.restore(flags, body, file.header.size) if flags & 3 else body
    assert saved(open_page(f"{name}.gcx"), "body") == (f"image/{name}", wanted)


def test_what_is_saved_says_whether_it_is_invented(
    open_page: Callable[..., Chromium], files: dict[str, bytes]
) -> None:
    browser = open_page("ntc.gcx")
    browser.wait("document.querySelector('.modes input[value=bridge]:checked')")
    for mode, generated in (("bridge", True), ("preview", False)):
        browser.get(f"document.querySelector('.modes input[value={mode}]').click()")
        kind, data = saved(browser, "png")
        picture = gcodec.load_image(data)
        assert kind == "image/png"
        assert (GENERATIVE.encode() in (picture.xmp or b"")) == generated
        wanted = gcodec.decode(files["ntc.gcx"], mode).picture.to_array()
        assert np.abs(picture.to_array().astype(int) - wanted.astype(int)).max() <= 1


def test_transparency_is_shown(open_page: Callable[..., Chromium]) -> None:
    alpha = shown(open_page("clear.gcx"), PREVIEW)[..., 3]
    middle = alpha.shape[1] // 2
    assert not alpha[:, :middle].any() and (alpha[:, middle:] == 255).all()


def test_the_colour_profile_is_applied(open_page: Callable[..., Chromium]) -> None:
    plain = shown(open_page("webp.gcx"), PREVIEW).reshape(-1, 4)[:, :3].mean(0)
    turned = shown(open_page("swapped.gcx"), PREVIEW).reshape(-1, 4)[:, :3].mean(0)
    assert plain[0] > plain[2] + 20  # a red parrot
    assert turned[2] > turned[0] + 20
