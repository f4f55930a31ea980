"""The page by keyboard, on phones, from a disk; and what it asks the network for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from chromium import BRIDGE, PREVIEW, Chromium, check_close, shown

import gcodec
from gcodec_view._server import Server
from gcodec_view._writing import one_file


def test_several_files_stand_beside_each_other(open_page: Callable[..., Chromium]) -> None:
    browser = open_page("webp.gcx", "diffc.gcx")
    browser.wait(
        "document.querySelector('#files button:nth-child(2)') && document.querySelector('.instead')"
    )
    assert browser.text("h2").startswith("This page cannot show")
    browser.get("document.querySelector('#files button').click()")
    shown(browser, PREVIEW)
    assert browser.text(".panel h2") == "webp.gcx"


def test_it_can_be_used_by_keyboard_alone(open_page: Callable[..., Chromium]) -> None:
    browser = open_page("ntc.gcx")
    browser.wait("document.querySelector('.modes input[value=bridge]:checked')")

    def tab() -> str:
        browser.press("Tab")
        assert browser.get("document.activeElement.matches(':focus-visible')")
        names = ("id", "className", "value", "innerText")
        return str(browser.get(" || ".join(f"document.activeElement.{name}" for name in names)))

    assert tab() == "open"
    assert tab().startswith("frame")
    before = browser.text(".zoom button:nth-child(2)")
    browser.press("+", "+")
    assert browser.text(".zoom button:nth-child(2)") != before
    browser.press("0")
    assert browser.text(".zoom button:nth-child(2)") == before
    assert tab() == "bridge"
    browser.press("ArrowLeft")  # to Compare
    assert tab() == "−"
    while (focused := tab()) != "divider":
        assert focused, "the divider is never reached"
    browser.press("Home", "ArrowRight")
    assert browser.get("document.querySelector('[data-kind=bridge]').style.clipPath") != ""
    browser.press("Tab")
    browser.press("Enter")
    assert browser.get("document.activeElement.getAttribute('aria-expanded')") == "true"
    browser.wait("document.querySelector('.hex code')")


def test_the_page_never_freezes(
    open_page: Callable[..., Chromium], files: dict[str, bytes]
) -> None:
    """While the worker decodes, the page's own thread goes on."""
    browser = open_page()
    browser.do("evaluate", script="window.ticks = 0; setInterval(() => window.ticks++, 10)")
    browser.drop("ntc.gcx", files["odd sides.gcx"])
    browser.wait("document.querySelector('canvas[data-kind=bridge]')")
    assert browser.get("window.ticks") > 20


def test_another_file_ends_a_decode_that_takes_long(
    open_page: Callable[..., Chromium], files: dict[str, bytes]
) -> None:
    browser = open_page()
    browser.drop("slow.gcx", files["slow.gcx"])
    browser.wait("document.querySelector('#status').textContent === 'Decoding…'")
    assert "6000 × 6000" in browser.text(".panel")
    for name in ("diffc.gcx", "ntc.gcx"):  # of which one is told only, and one is decoded
        browser.drop(name, files[name])
        browser.wait(f"document.querySelector('.panel h2')?.textContent === '{name}'")
    check_close(shown(browser, PREVIEW), gcodec.decode(files["ntc.gcx"], "preview"))
    for tab in (1, 3):  # and back: what was ended is begun anew
        browser.get(f"document.querySelector('#files button:nth-child({tab})').click()")
    check_close(shown(browser, BRIDGE), gcodec.decode(files["ntc.gcx"], "bridge"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "touch"), [(360, True), (1440, False)])
def test_it_fits_phones_and_desktops_light_and_dark(
    browser: Chromium, open_page: Callable[..., Chromium], width: int, touch: bool, scheme: str
) -> None:
    browser.do("size", width=width, height=800, scheme=scheme, touch=touch)
    try:
        # The controls of all pictures, and those of stage 2 where room is scarce.
        open_page("uqdm.gcx", "ntc.gcx" if (width, scheme) == (360, "light") else "webp.gcx")
        shown(browser, PREVIEW)
        assert browser.get("document.documentElement.scrollWidth") == width
        ink, paper = (
            sum(
                browser.get(
                    f"getComputedStyle(document.documentElement).{of}.match(/\\d+/g).map(Number)"
                )
            )
            for of in ("color", "backgroundColor")
        )
        assert (ink > paper) == (scheme == "dark")
        heights = browser.get(
            "[...document.querySelectorAll('.controls button, #open')].map((b) => b.offsetHeight)"
        )
        assert all(height >= 32 for height in heights if height)  # large enough for a finger
    finally:
        browser.do("size", width=1440, height=900)


def test_nothing_is_asked_for_but_its_own_files(
    open_page: Callable[..., Chromium], server: Server
) -> None:
    browser = open_page("ntc.gcx")
    shown(browser, BRIDGE)
    asked = [url for url in browser.do("requests") if not url.startswith(("data:", "blob:"))]
    assert all(url.startswith(server.address) for url in asked)
    names = {unquote(urlsplit(url).path.removeprefix(f"/{server.token}/")) for url in asked}
    assert names <= {"", *server.parts} and "files/ntc.gcx" in names


def test_networks_are_fetched_only_when_a_file_needs_them(
    open_page: Callable[..., Chromium],
) -> None:
    browser = open_page("webp.gcx")
    shown(browser, PREVIEW)
    assert not [url for url in browser.do("requests") if url.endswith((".wasm", ".safetensors"))]


@pytest.mark.parametrize("name", ["ntc.gcx", "webp.gcx"])
def test_one_file_works_from_a_disk(
    browser: Chromium, files: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    document = tmp_path / "a page.html"
    document.write_bytes(one_file({name: files[name]}))
    browser.goto(document.as_uri())
    seen = shown(browser, PREVIEW)
    if name == "ntc.gcx":
        check_close(seen, gcodec.decode(files[name], "preview"))
        check_close(shown(browser, BRIDGE), gcodec.decode(files[name], "bridge"))
    else:
        assert document.stat().st_size < 300_000  # no networks inside
    asked = {url for url in browser.do("requests") if not url.startswith(("data:", "blob:"))}
    assert asked == {document.as_uri()}
    assert browser.do("complaints") == []
