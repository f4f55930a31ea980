"""Stage 2 on a GPU: SwiftShader's, which is this machine's processor, and no reason to be quick."""

from __future__ import annotations

from pathlib import Path

import pytest
from chromium import BRIDGE, Chromium, check_close, shown

import gcodec
from gcodec_view._server import Server

ROOT = Path(__file__).parents[3]

#: Chromium has no adapter without a screen, but for this one.
SWIFTSHADER = (
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
    "--enable-unsafe-swiftshader",
)


def test_the_bridge_runs_on_webgpu(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = gcodec.load_image(ROOT / "tests/images/kodim23.png").to_array()[200:232, 500:548]
    data = gcodec.encode(gcodec.Picture.from_array(picture), "ntc").data
    monkeypatch.setenv("CHROMIUM_ARGS", " ".join(SWIFTSHADER))
    browser = Chromium()
    try:
        browser.goto(server.address)
        if not browser.get("Boolean(await navigator.gpu?.requestAdapter())"):
            pytest.skip("this Chromium has no SwiftShader")
        browser.drop("small.gcx", data)
        check_close(shown(browser, BRIDGE), gcodec.decode(data, "bridge"))
        assert browser.text("#status").endswith("by WebGPU")
    finally:
        browser.close()
