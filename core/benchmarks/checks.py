"""What it costs to check what plugins return (`gcodec.border`), against the decode that it is a part of.

    python core/benchmarks/checks.py [RUNS]

Decodes a picture of 768x512 RUNS (30; a tenth of that for `flow`) times, in one process and in turn, and prints for each
pair the least time of a decode, of the checks within it, and their ratio; then the same checks against ``gcodec decode`` as
a process. On two shared cores of a server processor:

    webp -> preview            2.4 ms  checks  0.08 ms    3.4 %
    ntc -> preview             675 ms  checks  0.19 ms    0.03 %
    ntc -> flow               4830 ms  checks  0.34 ms    0.01 %
    gcodec decode, webp       1890 ms  checks  0.10 ms    0.01 %

Every decode with a network, and every one that ends in a file, stays far below 1 %; webp -> preview within one process does
not. The check of a picture is one pass over its samples as whole numbers and takes as long as reading 4.7 MB from memory
(`isfinite`, `min` and `max` together take four times as long), and a preview that `preview` hands on is not checked again.
What NumPy needs to look at every sample once is 3 % of what libwebp needs to decode them, however cheap the look.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gcodec
from gcodec.pipeline import guarded, resolver, stage2
from gcodec.testing import pictures

#: Where the pipeline checks: module, and the name under which it calls the check.
PLACES = ((guarded, "check_signals"), (resolver, "check_signal"), (stage2, "check_picture"))

spent = [0.0]


def timed(check: Callable[..., Any]) -> Callable[..., Any]:
    """Return the check with its time added to `spent`."""

    def run(*given: Any) -> Any:
        start = time.perf_counter()
        try:
            return check(*given)
        finally:
            spent[0] += time.perf_counter() - start

    return run


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    for module, name in PLACES:
        setattr(module, name, timed(getattr(module, name)))
    picture = pictures.as_picture(pictures.photograph(512, 768))
    half = gcodec.Target(quality=0.5)
    files = {name: gcodec.encode(picture, name, target=half).data for name in ("webp", "ntc")}
    cheapest = 0.0
    for embedding, reconstructor in (("webp", "preview"), ("ntc", "preview"), ("ntc", "flow")):
        decodes, checks = [], []
        for _ in range(max(runs // 10, 2) if reconstructor == "flow" else runs):
            spent[0], start = 0.0, time.perf_counter()
            gcodec.decode(files[embedding], reconstructor)
            decodes.append(time.perf_counter() - start)
            checks.append(spent[0])
        whole, part = min(decodes), min(checks)
        cheapest = cheapest or part
        show(f"{embedding} -> {reconstructor}", whole, part)
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "a.gcx", Path(folder) / "a.png"
        file.write_bytes(files["webp"])
        command = [sys.executable, "-m", "gcodec", "decode", str(file), "-o", str(out), "--force"]
        times = []
        for _ in range(6):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
    show("gcodec decode, webp", min(times), cheapest)


def show(what: str, whole: float, part: float) -> None:
    print(
        f"{what:20}  {1e3 * whole:9.2f} ms  checks {1e3 * part:6.3f} ms  {100 * part / whole:6.2f} %"
    )


if __name__ == "__main__":
    main()
