"""The page of `gcodec serve` in Chromium, with jobs that are really done."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium import Chromium, missing
from results import crop

import gcodec
import gcodec_formats as gcx

GOLDEN = Path(__file__).parents[3] / "tests/golden"

SHOWN = ".place > .frame"
MADE = "!document.querySelector('progress:not([hidden])') && document.querySelector('.commands')"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if reason := missing():
        pytest.skip(reason)
    temporary = tmp_path_factory.mktemp("temporary")
    with subprocess.Popen(
        [sys.executable, "-m", "gcodec", "serve", "--no-open", "--max-pixels", "300000"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary)},
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert list(temporary.iterdir()) == []


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return crop(tmp_path_factory.mktemp("photo") / "a photo.png").read_bytes()


@pytest.fixture
def page(browser: Chromium, address: str) -> Iterator[Chromium]:
    browser.goto(address)
    browser.wait("document.querySelector('#about').textContent")
    yield browser
    assert browser.do("complaints") == []


def opened(page: Chromium, name: str, data: bytes) -> None:
    page.drop(name, data)
    page.wait("document.querySelector('form')")


def choose(page: Chromium, what: str, value: str) -> None:
    page.do(
        "evaluate",
        script=f"""
            const control = document.querySelector({json.dumps(what)});
            control.value = {json.dumps(value)};
            control.dispatchEvent(new Event('change'));
        """,
    )


def start(page: Chromium) -> None:
    page.get("document.querySelector('form').requestSubmit()")


def canvas(page: Chromium, place: str = f"{SHOWN} canvas:last-of-type") -> np.ndarray:
    height, width = page.get(
        f"(({{ height, width }}) => [height, width])(document.querySelector('{place}'))"
    )
    return np.frombuffer(page.pixels(place), np.uint8).reshape(height, width, 4)[..., :3]


def saved(page: Chromium, word: str) -> bytes:
    """What the button that is called so saves."""
    page.do(
        "evaluate",
        script=f"""
            const make = URL.createObjectURL;
            HTMLAnchorElement.prototype.click = () => {{}};
            URL.createObjectURL = (blob) => {{
                new Response(blob).bytes().then((bytes) => {{ window.saved = btoa(String.fromCharCode(...bytes)); }});
                return make.call(URL, blob);
            }};
            window.saved = null;
            [...document.querySelectorAll('button')].find((b) => b.innerText === {json.dumps(word)}).click();
        """,
    )
    page.wait("window.saved")
    return base64.b64decode(page.get("window.saved"))


def test_a_whole_run_by_keyboard(page: Chromium, photo: bytes) -> None:
    opened(page, "a photo.png", photo)
    page.wait(f"document.querySelector('{SHOWN} canvas')")
    assert (canvas(page) == gcodec.load_image(photo).to_array()).all()  # before anything is done
    page.get("document.querySelector('#embedding').focus()")
    page.press("w", "Tab")  # webp
    assert page.get("document.querySelector('#embedding').value") == "webp"
    page.press("Control+a", "1", "5", "0", "0", "Tab", "b", "y")  # bytes
    page.get("document.querySelector('#amount').value = '1500'")
    page.press("Tab", "Tab")
    assert page.get("document.activeElement.id") == "reconstructor"
    choose(page, "#reconstructor", "bridge")
    page.get("document.querySelector('#amount').focus()")
    page.press("Enter")
    page.wait("document.querySelector('progress:not([hidden])')")
    assert page.get("document.activeElement.innerText") == "Cancel"
    page.wait(MADE)
    assert page.get("document.activeElement.innerText") == "Encode and decode"
    made = saved(page, "Save .gcx")
    wanted = gcodec.encode(photo, "webp", target=gcodec.Target(bytes=1500)).data
    assert made == wanted and len(made) <= 1500
    assert "webp → bridge" in page.text("#status") and f"{len(made):,} bytes" in page.text(
        "#status"
    )
    decoded = gcodec.load_image(saved(page, "Save .png")).to_array()
    assert np.abs(decoded.astype(int) - gcodec.decode(made, "bridge").picture.to_array()).max() <= 1
    page.wait(f"document.querySelector('{SHOWN}').dataset.shown === 'compare'")
    page.wait(f"document.querySelectorAll('{SHOWN} canvas').length === 2")
    assert (canvas(page) == decoded).all()
    rows = page.get(
        "[...document.querySelectorAll('.bytes tbody th + td')].map((td) => td.innerText)"
    )
    assert [int(row.replace(",", "")) for row in rows] == [row.length for row in gcx.layout(made)]
    page.get("document.querySelector('.divider').focus()")
    page.press("Home")
    assert page.get(f"document.querySelector('{SHOWN} canvas:last-of-type').style.clipPath") != ""
    assert page.text(".commands pre").startswith(
        "gcodec encode 'a photo.png' -o 'a photo.webp.gcx' "
    )


def test_tries_stand_beside_each_other(page: Chromium, photo: bytes) -> None:
    opened(page, "a.png", photo)
    choose(page, "#embedding", "webp")
    choose(page, "#reconstructor", "preview")
    for count, rate in enumerate(("1", "2"), 1):
        page.get(f"document.querySelector('#amount').value = '{rate}'")
        start(page)
        page.wait(f"document.querySelectorAll('.results tbody tr').length === {count}")
        page.wait(MADE)
    assert page.get("document.querySelectorAll('figure[data-metric=psnr] circle').length") == 2
    page.get("document.querySelector('.modes input[value=all]').click()")
    page.wait("document.querySelectorAll('.grid canvas').length === 3")
    stages = "[...document.querySelectorAll('.grid .stage')].map((s) => s.style.transform)"
    before = page.get(stages)
    page.get("document.querySelectorAll('.grid .frame')[1].focus()")
    page.press("+", "+", "+", "ArrowRight")
    after = page.get(stages)
    assert len(set(after)) == 1 and after != before


def test_where_the_picture_may_err_is_shown(page: Chromium, photo: bytes) -> None:
    opened(page, "a photo.png", photo)
    choose(page, "#embedding", "webp")
    choose(page, "#reconstructor", "preview")
    start(page)
    page.wait(MADE)
    page.get("document.querySelector('.modes input[value=expected]').click()")
    page.wait(f"document.querySelector('{SHOWN}').dataset.shown === 'expected'")
    red = canvas(page)[..., 0]
    said = gcodec.decode(saved(page, "Save .gcx"), "preview", fidelity=True).fidelity
    assert said is not None
    low, high = np.quantile(said, (0.2, 0.8))
    assert red[said < low].max() < red[said > high].min()


def test_a_file_is_decoded_and_so_are_its_prefixes(page: Chromium) -> None:
    data = (GOLDEN / "uqdm.gcx").read_bytes()
    opened(page, "a.gcx", data)
    assert page.text("form button") == "Decode" and "a.gcx" in page.text(".panel h2")
    assert not page.get("document.querySelector('#embedding').checkVisibility()")
    choose(page, "#reconstructor", "preview")
    start(page)
    page.wait(MADE)
    page.wait(f"document.querySelector('{SHOWN} canvas')")
    assert (canvas(page) == gcodec.decode(data, "preview").picture.to_array()).all()
    assert page.get(
        "[...document.querySelectorAll('.modes input:disabled')].map((i) => i.value)"
    ) == [
        "original",
        "compare",
        "difference",
        "expected",
    ]
    page.get("document.querySelector('#layers').focus()")
    page.press("Home")
    said = page.text(".layers button")
    end = int(said.removeprefix("Decode the first ").removesuffix(" bytes").replace(",", ""))
    before = canvas(page).copy()
    page.get("document.querySelector('.layers button').click()")
    page.wait("/^The picture of the first/.test(document.querySelector('#status').textContent)")
    wanted = gcodec.decode(data[:end], "preview", partial=True).picture.to_array()
    page.wait("document.querySelector('.layers button').hidden")
    page.wait(f"document.querySelector('{SHOWN}').dataset.shown === 'decoded'")
    seen = canvas(page)
    assert (seen == wanted).all() and (seen != before).any()


def test_cancel_ends_it(page: Chromium, photo: bytes) -> None:
    opened(page, "a.png", photo)
    start(page)
    page.wait("document.querySelector('progress:not([hidden])')")
    page.press("Enter")  # Cancel has the focus
    page.wait("document.querySelector('#status').textContent === 'Cancelled'")
    assert page.get("document.activeElement.innerText") == "Encode and decode"
    choose(page, "#embedding", "webp")
    choose(page, "#reconstructor", "preview")
    start(page)
    page.wait(MADE)  # the next finds its turn


def test_a_browser_reads_that_the_server_is_busy(page: Chromium) -> None:
    """Though most of what it sends is never taken."""
    answers = page.do(
        "evaluate",
        script="""
            const headers = { 'Content-Type': 'application/octet-stream' };
            const ask = () => fetch('job', { method: 'POST', headers, body: new Uint8Array(2e6) });
            const answers = await Promise.all([ask(), ask(), ask(), ask(), ask(), ask()]);
            return Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]));
        """,
    )
    busy = sum(status == 503 for status, _ in answers)
    assert busy and {status for status, _ in answers} == {200, 503}
    assert all("another job" in text for status, text in answers if status == 503)
    assert all("no task" in text for status, text in answers if status == 200)
    errors = page.do("complaints")
    assert len(errors) == busy and all("503" in error for error in errors)
    page.do("goto", url=page.get("location.href"))  # where nothing is complained of


def test_what_cannot_be_is_one_line(page: Chromium, photo: bytes, tmp_path: Path) -> None:
    page.drop("large.png", crop(tmp_path / "a.png", 0, 0, 700, 500).read_bytes())
    page.wait("document.querySelector('#status.bad')")
    assert "--max-pixels" in page.text("#status")
    page.drop("a.gcx", (GOLDEN / "ntc.gcx").read_bytes()[:50])
    page.wait("document.querySelector('#status').textContent.startsWith('a.gcx: ')")
    assert not page.get("document.querySelector('form')")  # neither is opened
    opened(page, "a.png", photo)
    choose(page, "select[aria-label]", "bytes")
    page.get("document.querySelector('#amount').value = '9'")
    start(page)
    page.wait("document.querySelector('#status.bad')")
    assert "bytes are too few" in page.text("#status")
    page.get("document.querySelector('#amount').value = '2000'")
    start(page)
    page.wait(MADE)  # and nothing is left of what failed
    assert not page.get("document.querySelector('#status.bad')")


def test_everything_has_a_name_to_be_heard(page: Chromium, photo: bytes) -> None:
    opened(page, "a.png", photo)
    choose(page, "#reconstructor", "flow")
    page.get("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.unnamed() == []
    assert page.get(
        "[...document.querySelectorAll('fieldset')].every((f) => f.querySelector('legend').textContent)"
    )
    described = "[...document.querySelectorAll('[aria-describedby]')]"
    assert page.get(
        f"{described}.every((e) => document.getElementById(e.getAttribute('aria-describedby')))"
    )
    assert page.get("document.querySelector('[role=status]').getAttribute('aria-live')") == "polite"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "touch"), [(360, True), (1440, False)])
def test_it_fits(
    browser: Chromium, address: str, photo: bytes, width: int, touch: bool, scheme: str
) -> None:
    browser.do("size", width=width, height=800, scheme=scheme, touch=touch)
    try:
        browser.goto(address)
        opened(browser, "a photo with a long name which no phone has in one line.png", photo)
        browser.get("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert browser.get("document.documentElement.scrollWidth") == width
        heights = browser.get(
            "[...document.querySelectorAll('button, select, input[type=number]')].map((b) => b.offsetHeight)"
        )
        assert all(height >= 32 for height in heights if height)
        ink, paper = (
            sum(browser.get(f"getComputedStyle(document.body).{of}.match(/\\d+/g).map(Number)"))
            for of in ("color", "backgroundColor")
        )
        assert scheme == "light" or ink > paper
    finally:
        browser.do("size", width=1440, height=900)


def test_it_asks_nobody_else(page: Chromium, photo: bytes, address: str) -> None:
    opened(page, "a.png", photo)
    asked = {url for url in page.do("requests") if not url.startswith(("data:", "blob:"))}
    assert asked == {
        address,
        *(f"{address}{name}" for name in ("serve.css", "serve.mjs", "choices.json")),
    }
