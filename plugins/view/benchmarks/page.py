"""From the drop of a 768x512 `ntc` file to its preview, and to its bridge, on the page in Chromium on one core.

Wall time, and processor time of all of the browser's processes, which a busy machine disturbs less. Each run is a new page:
runtime, models and networks are loaded anew.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import gcodec
from gcodec_view._parts import models, page
from gcodec_view._server import Server

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "plugins/view/tests"))

from chromium import BRIDGE, PREVIEW, Chromium, missing  # noqa: E402

RUNS = 3


def main() -> None:
    """Print a line for each run."""
    if reason := missing():
        sys.exit(reason)
    picture = ROOT / "tests/images/kodim23.png"
    data = gcodec.encode(picture, "ntc", target=gcodec.Target(bpp=0.3)).data
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the browser inherits it
    with Server({**page(), **models()}) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = Chromium()
        print(f"{len(data)} bytes, seconds from the drop; load {os.getloadavg()[0]:.1f}")
        for _ in range(RUNS):
            browser.goto(server.address)
            used, began, words = browser.do("metrics"), time.perf_counter(), []
            browser.drop("photo.gcx", data)
            for what, canvas in (("preview", PREVIEW), ("bridge", BRIDGE)):
                browser.wait(f"document.querySelector('{canvas}')")
                wall, busy = time.perf_counter() - began, browser.do("metrics") - used
                words.append(f"{what} {wall:.2f} (processor {busy:.2f})")
            print(", ".join(words))
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main()
