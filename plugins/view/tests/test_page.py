"""The page in a browser, against the decode in Python."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import gcodec_formats as gcx
import numpy as np
import pytest
from chromium import Chromium, missing
from gcodec_view._parts import models, page
from gcodec_view._server import Server
from gcodec_view._writing import one_file
from numpy.typing import NDArray

import gcodec

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "all is here")

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests/golden"

PREVIEW = "canvas[data-kind=preview]"
BRIDGE = "canvas[data-kind=bridge]"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Files that the page is given by the server, by name; those of the tests beside the golden ones."""
    found = {path.name: path.read_bytes() for path in sorted(GOLDEN.glob("*.gcx"))}
    picture = gcodec.load_image(ROOT / "tests/images/kodim23.png")
    corner = gcodec.Picture.from_array(picture.to_array()[140:325, 440:683])  # sides that no block divides
    found["corner.gcx"] = gcodec.encode(corner, "ntc", quality=0.4).data
    small = gcodec.encode(corner, "ntc", quality=0.1).data
    found["two.gcx"] = gcodec.encode(corner, "diffc", quality=0.1, companions=[small]).data
    return found


@pytest.fixture(scope="module")
def server(files: dict[str, bytes]) -> Iterator[Server]:
    with Server({**page(), **models(), **{f"files/{n}": data for n, data in files.items()}}) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    made = Chromium()
    made.do("size", width=1440, height=900)
    yield made
    made.close()


@pytest.fixture
def open_page(browser: Chromium, server: Server) -> Callable[..., Chromium]:
    """open_page(names...): the page with these files."""

    def opened(*names: str) -> Chromium:
        query = "&".join(f"src=files/{name}" for name in names)
        browser.goto(f"{server.address}?{query}")
        return browser

    return opened


def shown(browser: Chromium, canvas: str) -> NDArray[np.uint8]:
    """The samples of a canvas, [height, width, 4]."""
    browser.wait(f"document.querySelector('{canvas}')")
    width, height = browser.get(f"[document.querySelector('{canvas}').width, document.querySelector('{canvas}').height]")
    return np.frombuffer(browser.pixels(canvas), np.uint8).reshape(height, width, 4)


def check_close(seen: NDArray[np.uint8], decoded: gcodec.Decoded) -> None:
    """At most one level apart, and nearly everywhere none: the tolerance of pictures on other engines."""
    wanted = decoded.picture.to_array()
    apart = np.abs(seen[..., :3].astype(int) - wanted.astype(int))
    assert apart.max() <= 1
    assert (apart > 0).mean() < 0.01
