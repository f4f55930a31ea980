"""How long a report of 24 pictures takes to open, beside one of a single picture in the same run: best of three.

    python plugins/view/benchmarks/report.py

From the start of loading, from a disk, to the first picture under its line; and to the thumbnails, which come before.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from chromium import Chromium, missing
from results import crop, mixed

import gcodec
from gcodec_view._records import read
from gcodec_view._reporting import report


def opened(browser: Chromium, document: Path) -> tuple[float, float]:
    """Seconds to the thumbnails and to the picture."""
    browser.goto("about:blank")
    browser.goto(document.as_uri())
    times = browser.do(
        "evaluate",
        script="""
            while (!performance.getEntriesByName('shown').length) await new Promise((r) => setTimeout(r, 5));
            return ['listed', 'shown'].map((name) => performance.getEntriesByName(name)[0].startTime / 1000);
        """,
    )
    return times[0], times[1]


def main() -> None:
    if reason := missing():
        sys.exit(reason)
    browser = Chromium()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = gcodec.encode(crop(folder / "0.png", 0, 0, 768, 512), "webp").data
        records = [
            mixed(folder / "mixed", crop(folder / f"{i}.png", -i, 0, 768, 512), data=data)
            for i in range(24)
        ]
        browser.do("size", width=1440, height=900)
        for many in (1, 24):
            document = folder / f"{many}.html"
            document.write_bytes(report(read(records[:many])))
            listed, shown = map(
                min, zip(*(opened(browser, document) for _ in range(3)), strict=True)
            )
            size = document.stat().st_size / 1e6
            print(
                f"{many:2} pictures, {size:5.1f} MB: thumbnails {listed:.2f} s, picture {shown:.2f} s"
            )
    browser.close()


main()
