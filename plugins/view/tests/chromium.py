"""The page in Chromium: a process of page/drive.mjs, a command at a time."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gcodec

PAGE = Path(__file__).parents[1] / "page"
BUILT = Path(__file__).parents[1] / "src/gcodec_view/page/index.html"


def missing() -> str:
    """What is missing here to run the page, and how to get it; "" if nothing is."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not shutil.which("node") or not chromium:
        return "the page is not tested: it takes Node 20 and Chromium (Debian: apt install nodejs npm chromium)"
    if not (PAGE / "node_modules/puppeteer-core").is_dir() or not BUILT.exists():
        return "the page is not built: make page"
    sources = [
        *PAGE.glob("src/**/*"),
        PAGE / "build.mjs",
        *(PAGE.parents[2] / "formats/js/src").rglob("*.js"),
    ]
    if max(path.stat().st_mtime for path in sources) > BUILT.stat().st_mtime:
        return "the page is older than its sources: make page"
    return ""


class Chromium:
    """A browser with one page; `do` is a command of drive.mjs. Scripts are bodies of functions in JavaScript."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(PAGE / "drive.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, task: str, **given: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"do": task, **given}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, f"{task}: {answer['error']}"
        return answer["ok"]

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def goto(self, url: str) -> None:
        self.do("goto", url=url)

    def get(self, script: str) -> Any:
        return self.do("evaluate", script=f"return {script}")

    def wait(self, script: str) -> None:
        self.do("wait", script=f"return {script}")

    def text(self, selector: str) -> str:
        return str(self.get(f"document.querySelector({json.dumps(selector)}).innerText"))

    def press(self, *keys: str) -> None:
        self.do("press", keys=keys)

    def drop(self, name: str, data: bytes) -> None:
        self.do("drop", name=name, base64=base64.b64encode(data).decode())

    def unnamed(self) -> list[str]:
        """What can be reached, or stands for a picture, and does not say what it is to those who hear the page."""
        found: list[str] = self.do(
            "evaluate",
            script="""
                const named = (e) => e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText?.trim();
                const kinds = 'button, input, select, progress, form, details, [tabindex], svg[role=img], .bar';
                const all = [...document.querySelectorAll(kinds)];
                return all.filter((e) => e.checkVisibility() && !named(e)).map((e) => e.outerHTML.slice(0, 80));
            """,
        )
        return found

    def pixels(self, selector: str) -> bytes:
        """RGBA samples of a canvas, row by row."""
        return base64.b64decode(
            self.do(
                "evaluate",
                script=f"""
                    const canvas = document.querySelector({json.dumps(selector)});
                    const {{ data }} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                    let text = '';
                    for (let i = 0; i < data.length; i += 4096) {{
                        text += String.fromCharCode(...data.subarray(i, i + 4096));
                    }}
                    return btoa(text);
                """,
            )
        )


#: What the page draws on.
PREVIEW = "canvas[data-kind=preview]"
BRIDGE = "canvas[data-kind=bridge]"


def shown(browser: Chromium, canvas: str) -> NDArray[np.uint8]:
    """The samples of a canvas, [height, width, 4]."""
    browser.wait(f"document.querySelector('{canvas}')")
    width, height = browser.get(
        f"[document.querySelector('{canvas}').width, document.querySelector('{canvas}').height]"
    )
    return np.frombuffer(browser.pixels(canvas), np.uint8).reshape(height, width, 4)


def check_close(seen: NDArray[np.uint8], decoded: gcodec.Decoded) -> None:
    """At most one level apart, and nearly everywhere none: the tolerance of pictures on other engines."""
    wanted = decoded.picture.to_array()
    apart = np.abs(seen[..., :3].astype(int) - wanted.astype(int))
    assert apart.max() <= 1
    assert (apart > 0).mean() < 0.01
