"""What the page says of a file, and of a damaged one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chromium import PREVIEW, Chromium, check_close, shown

import gcodec
import gcodec_formats as gcx


def test_every_byte_is_told(open_page: Callable[..., Chromium], files: dict[str, bytes]) -> None:
    browser = open_page("ntc.gcx")
    browser.wait("document.querySelector('.bytes table')")
    rows = browser.get(
        "[...document.querySelectorAll('tbody th')].map((th) => [th.firstChild.innerText, th.nextSibling.innerText])"
    )
    assert [(name, int(many)) for name, many in rows] == [
        (row.name.removeprefix("segment "), row.length) for row in gcx.layout(files["ntc.gcx"])
    ]
    browser.get("document.querySelectorAll('tbody button')[4].click()")
    assert browser.text(".hex code") == "7F 00 5F 00"  # 128 x 96, each less one
    assert len(browser.get("[...document.querySelectorAll('.bar .part')]")) == len(rows)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("diffc", "gcodec-diffc"),
        ("uqdm", "gcodec-diffc"),
        ("ddcm", "gcodec-diffc"),
        ("lossless", "gcodec-lossless"),
        ("perco", "gcodec-ldm"),
        ("text_sketch", "gcodec-text-sketch"),
        ("unknown", "acme-waves"),
    ],
)
def test_what_it_cannot_show_it_says(
    open_page: Callable[..., Chromium], name: str, says: str
) -> None:
    browser = open_page(f"{name}.gcx")
    browser.wait("document.querySelector('.instead')")
    assert "This page cannot show" in browser.text(".instead h2") and says in browser.text(
        ".instead"
    )


def test_the_slider_goes_over_layers(
    open_page: Callable[..., Chromium], files: dict[str, bytes]
) -> None:
    """A prefix is so many bytes, and shows the best picture that lies in it: here that of the companion."""
    browser = open_page("both.gcx")
    check_close(shown(browser, PREVIEW), gcodec.decode(files["ntc.gcx"], "preview"))
    data, ends = files["both.gcx"], []
    for row in gcx.layout(data):
        if row.name == "checksum":
            ends.append(row.offset + row.length)
    browser.get("document.querySelector('#layers').focus()")
    browser.press("Home")
    assert f"1 of 4: the first {ends[1]:,} bytes" in browser.text("output")
    assert browser.get("document.querySelectorAll('.part.beyond').length") == 3
    browser.press("ArrowRight")
    assert f"2 of 4: the first {ends[2]:,} bytes" in browser.text("output")
    assert browser.get(
        "document.querySelector('#layers').ariaValueText || document.querySelector('#layers').getAttribute('aria-valuetext')"
    ).startswith("2 of 4")


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "checksum-mismatch": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "truncated": lambda data: data[:9],
    "not-gcx": lambda data: b"\x89PNG" + data,
    "text-damaged": lambda data: data.replace(b"\r\n", b"\n", 1),
    "unsupported-version": lambda data: data[:3] + bytes([0x80]) + data[4:],
    "reserved-flags": lambda data: data[:3] + bytes([data[3] | 0x20]) + data[4:],
}


@pytest.mark.parametrize("code", DAMAGE)
def test_damage_is_one_line_with_its_name(
    open_page: Callable[..., Chromium], files: dict[str, bytes], code: str
) -> None:
    browser = open_page()
    browser.drop("damaged.gcx", DAMAGE[code](files["ntc.gcx"]))
    browser.wait("document.querySelector('.error')")
    assert browser.text(".error").startswith(f"{code}: ") and browser.text("#status").startswith(
        f"{code}: "
    )
    assert (
        browser.get("document.querySelector('#status').textContent").count(";") >= 1
    )  # what is wrong; what to do


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("bad payload.gcx", "bad-payload"),
        ("other weights.gcx", "bad-model"),
        ("nowhere.gcx", "no-file"),
    ],
)
def test_so_is_what_is_found_later(
    open_page: Callable[..., Chromium], name: str, code: str
) -> None:
    browser = open_page(name)
    browser.wait("document.querySelector('#status.bad')")
    assert browser.get("document.querySelector('#status').textContent").startswith(f"{code}: ")


def test_what_claims_more_than_a_page_decodes_is_told_and_not_begun(
    open_page: Callable[..., Chromium],
) -> None:
    browser = open_page("huge.gcx")
    browser.wait("document.querySelector('.error')")
    assert browser.text(".error").startswith("too-large: ")
    assert "16384 × 16384" in browser.text(".panel")
    assert not [url for url in browser.do("requests") if url.endswith((".wasm", ".safetensors"))]


def test_a_progressive_file_that_was_cut_short_is_told_as_far_as_it_goes(
    open_page: Callable[..., Chromium], files: dict[str, bytes]
) -> None:
    browser = open_page()
    browser.drop("short.gcx", files["diffc-layers.gcx"][:-20])
    browser.wait("document.querySelector('.panel')")
    assert "1 of 3 segments are missing" in browser.text(".note")
    assert "incomplete" in browser.text(".bytes table")
