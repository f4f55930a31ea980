"""The report in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium import Chromium, missing
from results import crop, mixed

import gcodec
import gcodec_formats as gcx
from gcodec_view._records import read
from gcodec_view._reporting import report

GOLDEN = Path(__file__).parents[3] / "tests/golden"

SHOWN = ".place > .frame"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := missing():
        pytest.skip(reason)
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def document(folder: Path) -> Path:
    """Two pictures, one of them with a hostile name at two rates, the other progressive."""
    hostile = crop(folder / "<script>alert(1)<|script>.png")
    other = crop(folder / "other.png", left=200)
    for place, quality in (("a", 0.2), ("b", 0.6)):
        mixed(folder / place, hostile, quality)
    mixed(folder / "c", other, data=(GOLDEN / "uqdm.gcx").read_bytes(), embedding="uqdm")
    made = folder / "a report.html"
    made.write_bytes(report(read([folder / name for name in "abc"]), prefixes=1))
    return made


@pytest.fixture
def page(browser: Chromium, document: Path) -> Iterator[Chromium]:
    browser.goto(document.as_uri())
    ready(browser)
    yield browser
    assert browser.do("complaints") == []


def ready(browser: Chromium) -> None:
    browser.wait(
        "document.querySelector('.frame[data-shown]') && document.querySelector('.commands')"
    )


def turn_to(page: Chromium, mode: str) -> None:
    page.get(f"document.querySelector('.modes input[value={mode}]').click()")
    page.wait(f"document.querySelector('.frame').dataset.shown === '{mode}'")


def test_the_difference_is_that_of_the_samples(page: Chromium, folder: Path) -> None:
    turn_to(page, "difference")
    seen = np.frombuffer(page.pixels(f"{SHOWN} canvas"), np.uint8).reshape(96, 128, 4)
    first, second = (
        gcodec.load_image(path).to_array().astype(int)
        for path in (next(folder.glob("<*.png")), next((folder / "a").glob("<*.png")))
    )
    apart = np.abs(first - second).mean(2)
    assert (seen[apart == 0][:, :3] == [0, 0, 4]).all()
    assert (seen[apart >= 32][:, :3] == [252, 255, 164]).all()
    assert seen[..., 0][apart > 16].min() > seen[..., 0][apart < 4].max()  # red rises with it


def test_the_expected_error_is_that_of_the_map_where_there_is_one(
    page: Chromium, folder: Path
) -> None:
    turn_to(page, "expected")
    red = np.frombuffer(page.pixels(f"{SHOWN} canvas"), np.uint8).reshape(96, 128, 4)[..., 0]
    (file,) = (folder / "a").glob("*.gcx")
    said = gcodec.decode(file, fidelity=True).fidelity
    assert said is not None
    low, middle, high = np.quantile(said, (0.2, 0.5, 0.8))
    assert red[said < low].max() < red[abs(said - middle) < 0.1].min()
    assert red[abs(said - middle) < 0.1].max() < red[said > high].min()
    page.get("document.querySelectorAll('#files button')[1].click()")  # uqdm, which nobody measured
    page.wait("document.querySelector('.frame').dataset.shown !== 'expected'")
    assert page.get("document.querySelector('.modes input[value=expected]').disabled")


def test_names_are_text(page: Chromium) -> None:
    assert "<script>alert(1)<|script>.png" in page.text("#files")
    assert page.get("document.querySelectorAll('main script').length") == 0


def test_all_results_and_both_rates_are_there(page: Chromium) -> None:
    assert page.get("document.querySelectorAll('.wide tbody tr').length") == 3
    assert page.get("document.querySelectorAll('.results tbody tr').length") == 2
    assert page.get(
        "[...document.querySelectorAll('figure[data-metric]')].map((f) => f.dataset.metric)"
    ) == [
        "psnr",
        "ms_ssim",
    ]  # nobody has LPIPS
    assert page.get("document.querySelectorAll('figure[data-metric=psnr] circle').length") == 2


def test_by_keyboard_alone(page: Chromium) -> None:
    page.get("document.querySelector('#files button').focus()")
    page.press("Tab", "Tab")
    assert page.get("document.activeElement.matches('.frame:focus-visible')")
    page.press("+", "+")
    zoomed = page.text(".zoom button:nth-child(2)")
    assert zoomed != "100 %"
    page.press("Space")
    page.wait("document.querySelector('.frame').dataset.shown === 'original'")
    page.press("Space")
    page.wait("document.querySelector('.frame').dataset.shown === 'decoded'")
    assert page.text(".zoom button:nth-child(2)") == zoomed  # the place stays
    page.get("document.querySelectorAll('.results button')[1].focus()")
    page.press("Enter")
    page.wait(
        "document.activeElement.matches('.results tr:nth-child(2) button[aria-current=true]')"
    )
    assert page.text(".zoom button:nth-child(2)") == zoomed


def test_all_pictures_move_together(page: Chromium) -> None:
    turn_to(page, "all")
    stages = "[...document.querySelectorAll('.grid .stage')].map((s) => s.style.transform)"
    before = page.get(stages)
    page.get("document.querySelectorAll('.grid .frame')[1].focus()")
    page.press("+", "+", "+", "+", "ArrowRight")
    after = page.get(stages)
    assert len(after) == 3 and len(set(after)) == 1 and after != before


def test_the_slider_over_layers_shows_what_lies_within(page: Chromium, folder: Path) -> None:
    page.get("document.querySelectorAll('#files button')[1].click()")
    page.wait("document.querySelector('#layers')")
    turn_to(page, "decoded")
    whole = page.pixels(f"{SHOWN} canvas")
    page.get("document.querySelector('#layers').focus()")
    page.press("Home")
    many = len(gcx.read((folder / "c/other.uqdm.gcx").read_bytes()).segments)
    assert page.text(".layers output").startswith(f"1 of {many}")
    data = (folder / "c/other.uqdm.gcx").read_bytes()
    end = int(
        page.get(
            "document.querySelector('.layers output').innerText.match(/first ([\\d,]+)/)[1].replace(',', '')"
        )
    )
    wanted = gcodec.decode(data[:end], "preview", partial=True).picture.to_array()
    page.wait(f"document.querySelector('{SHOWN} canvas').width === {wanted.shape[1]}")
    seen = np.frombuffer(page.pixels(f"{SHOWN} canvas"), np.uint8).reshape(*wanted.shape[:2], 4)
    assert page.pixels(f"{SHOWN} canvas") != whole and (seen[..., :3] == wanted).all()


def test_what_is_copied(page: Chromium) -> None:
    text = page.text(".commands pre")
    assert text.startswith("gcodec encode '<script>alert(1)<|script>.png' -o ")
    assert "\ngcodec decode " in text
    page.get("document.querySelector('.commands button').click()")
    page.wait("/^(Copied|Selected): commands/.test(document.querySelector('#status').textContent)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "touch"), [(360, True), (1440, False)])
def test_it_fits(browser: Chromium, document: Path, width: int, touch: bool, scheme: str) -> None:
    browser.do("size", width=width, height=800, scheme=scheme, touch=touch)
    try:
        browser.goto(document.as_uri())
        ready(browser)
        assert browser.get("document.documentElement.scrollWidth") == width
        heights = browser.get(
            "[...document.querySelectorAll('.controls button')].map((b) => b.offsetHeight)"
        )
        assert all(height >= 32 for height in heights if height)
    finally:
        browser.do("size", width=1440, height=900)


def test_everything_has_a_name_to_be_heard(page: Chromium) -> None:
    """Each thing that can be reached says what it is; each picture but those that repeat a name."""
    assert page.unnamed() == []
    assert page.get("[...document.querySelectorAll('img')].every((i) => i.hasAttribute('alt'))")


def test_it_asks_nobody_and_decodes_what_is_looked_at(page: Chromium, document: Path) -> None:
    asked = {url for url in page.do("requests") if not url.startswith(("data:", "blob:"))}
    assert asked == {document.as_uri()}
    assert page.get("document.querySelectorAll('canvas').length") == 2
