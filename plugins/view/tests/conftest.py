"""The page in a browser, on a server with files beside it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageCms

import gcodec
import gcodec_formats as gcx
from gcodec_view._parts import models, page
from gcodec_view._server import Server

sys.path.insert(0, str(Path(__file__).parent))

from chromium import Chromium, missing

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests/golden"
CONFORMANCE = ROOT / "spec/conformance"


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    """What lies beside the page, by name: the golden files, and some made of them."""
    if reason := missing():
        pytest.skip(reason)
    found = {path.name: path.read_bytes() for path in sorted(GOLDEN.glob("*.gcx"))}
    found |= {f"set {path.name}": path.read_bytes() for path in CONFORMANCE.glob("*.gcx")}
    ntc, diffc = gcx.read(found["ntc.gcx"]), gcx.read(found["diffc-layers.gcx"])
    whole = gcodec.load_image(ROOT / "tests/images/kodim23.png").to_array()
    # Sides that no block divides.
    odd, target = gcodec.Picture.from_array(whole[140:325, 440:683]), gcodec.Target(quality=0.4)
    found["odd sides.gcx"] = gcodec.encode(odd, "ntc", target=target).data
    found["linear.gcx"] = gcodec.encode(odd, "ntc", target=gcodec.Target(quality=0.9)).data
    dither = {"dither": True}
    found["dithered.gcx"] = gcodec.encode(odd, "ldm_quant", target=target, options=dither).data
    companion = gcx.Segment(
        gcx.COMPANION, gcx.pack_companion(ntc.header.identity, ntc.segments[0].data)
    )
    found["both.gcx"] = gcx.write(gcx.File(diffc.header, [companion, *diffc.segments], True))
    found["bad payload.gcx"] = remade(
        ntc, bytes([*ntc.segments[0].data[:-9], 1, *ntc.segments[0].data[-8:]])
    )
    other = gcx.Identity(id=ntc.header.identity.id, digest=b"another!")
    found["other weights.gcx"] = remade(ntc, ntc.segments[0].data, identity=other)
    unknown = gcx.Identity(name="acme/waves", profile=1)
    found["unknown.gcx"] = remade(ntc, b"secret", identity=unknown, extensions={9: "acme-waves"})
    # An empty stream that claims a large picture: larger than the page decodes, and one that takes it minutes.
    for name, side in (("huge.gcx", 16384), ("slow.gcx", 6000)):
        found[name] = remade(ntc, bytes([0, 200]), size=gcx.Size(side, side))
    found["clear.gcx"] = transparent(whole[140:236, 440:568])
    webp, profile = gcx.read(found["webp.gcx"]), gcx.pack_metadata(swapped_profile())
    found["swapped.gcx"] = gcx.write(
        gcx.File(webp.header, [gcx.Segment(gcx.ICC, profile), *webp.segments])
    )
    return found


def remade(file: gcx.File, payload: bytes, **header: object) -> bytes:
    """A file like another, with another payload and other fields in its header."""
    changed = replace(file.header, **{"extensions": {}, **header})  # type: ignore[arg-type]
    return gcx.write(gcx.File(changed, [gcx.Segment(gcx.MAIN, payload)]))


def transparent(samples: NDArray[np.uint8]) -> bytes:
    """A WebP of which the left half is clear."""
    alpha = np.full(samples.shape[:2], 255, np.uint8)
    alpha[:, : alpha.shape[1] // 2] = 0
    picture = gcodec.Picture.from_array(np.dstack([samples, alpha]))
    return gcodec.encode(picture, "webp", target=gcodec.Target(quality=0.5)).data


def swapped_profile() -> bytes:
    """sRGB with red and blue exchanged: who applies it sees blue where the samples say red."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return (
        profile.replace(b"rXYZ", b"tXYZ", 1)
        .replace(b"bXYZ", b"rXYZ", 1)
        .replace(b"tXYZ", b"bXYZ", 1)
    )


@pytest.fixture(scope="session")
def server(files: dict[str, bytes]) -> Iterator[Server]:
    with Server(
        {**page(), **models(), **{f"files/{n}": data for n, data in files.items()}}
    ) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """One for all tests; each goes to its own page."""
    if reason := missing():
        pytest.skip(reason)
    made = Chromium()
    made.do("size", width=1440, height=900)
    yield made
    made.close()


@pytest.fixture
def open_page(browser: Chromium, server: Server) -> Callable[..., Chromium]:
    """open_page(names...): the page with these files."""

    def opened(*names: str) -> Chromium:
        query = "&".join(f"src={quote(quote(f'files/{name}'))}" for name in names)
        browser.goto(f"{server.address}?{query}")
        return browser

    return opened
