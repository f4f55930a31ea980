"""Hold many environments against spec/conformance: ``python tools/portability.py NAME=PYTHON...``

Each PYTHON is an interpreter of an environment with gcodec; those that have torch are checked with threads, instruction
sets, libraries and layouts of several kinds, others as they are. Prints a table in Markdown: versions; whether symbols
are exact; how many pictures are exactly those kept in 8 bits, within their tolerance, or wrong; and a hash over the floats
of all of them. Last comes what must fail: entropy models in floating point. Status 1 where anything else fails, or where
that does not.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CHECK = ROOT / "spec" / "conformance" / "check.py"


class Variant(NamedTuple):
    """What is different: variables, and statements before the check."""

    name: str
    variables: dict[str, str] = {}  # noqa: RUF012 - nobody writes into it
    before: str = ""


_TORCH = {"GCODEC_DISABLE": "light"}
#: For environments with torch. Without onnxruntime in the way, but for one.
WITH_TORCH = [
    Variant("1 thread", {**_TORCH, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}),
    Variant("2 threads", {**_TORCH, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}),
    Variant("4 threads", {**_TORCH, "OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"}),
    *(
        Variant(f"ATen {level}", {**_TORCH, "ATEN_CPU_CAPABILITY": level})
        for level in ("default", "avx2", "avx512")
    ),
    Variant("oneDNN off", _TORCH, "import torch; torch.backends.mkldnn.enabled = False"),
    Variant(
        "no channels-last layout",
        _TORCH,
        "import torch; torch.channels_last = torch.contiguous_format",
    ),
]
#: For every environment.
ANYWHERE = [
    Variant("as it is"),
    Variant("1 thread", {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}),
    Variant("OpenBLAS for Haswell", {"OPENBLAS_CORETYPE": "Haswell"}),
    Variant("OpenBLAS for Prescott, no FMA", {"OPENBLAS_CORETYPE": "Prescott"}),
]
#: Layers of the entropy models as floats, without rounding in between: what must not pass.
FLOATS = Variant(
    "entropy models in float32",
    {},
    """
import numpy as np
from gcodec.entropy.integers import LIMIT, Layer


def call(self, x, level):
    return (x.astype(np.float32) @ self.weight.astype(np.float32) + self.at(level)).astype(float)


def activate(self, sums):
    return np.clip(np.maximum(sums, sums / 8) / (1 << self.shift), -LIMIT, LIMIT)


Layer.__call__, Layer.activate = call, activate
""",
)
_VERSIONS = """
import json, platform
from importlib.metadata import PackageNotFoundError, version
found = {"Python": platform.python_version()}
for name in ("numpy", "torch", "onnxruntime"):
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def run(python: str, code: str, **variables: str) -> Any:
    """What the code prints as JSON."""
    done = subprocess.run(
        [python, "-c", code, "--json"],
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | variables,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        sys.exit(f"{python}: {done.stderr}")


def line(environment: str, python: str, variant: Variant) -> bool:
    """Print one line of the table; whether nothing was wrong."""
    code = f"{variant.before}\nimport runpy, sys\nsys.argv[0] = {str(CHECK)!r}\n"
    code += f"runpy.run_path({str(CHECK)!r}, run_name='__main__')"
    rows = run(python, code, **variant.variables)
    symbols = [row for row in rows if row["what"].endswith(" symbols")]
    pictures = [row for row in rows if row not in symbols]
    exact, seen = (Counter(row["result"] for row in part) for part in (symbols, pictures))
    floats = hashlib.sha256("".join(row["found"] for row in pictures).encode()).hexdigest()[:8]
    of = len(symbols) - exact["absent"]
    cells = [environment, variant.name, f"{exact['exact']} of {of}"]
    cells += [str(seen[result]) for result in ("exact", "within", "WRONG", "absent")]
    print(f"| {' | '.join([*cells, floats])} |", flush=True)
    return not (exact["WRONG"] or seen["WRONG"])


def main() -> None:
    """Print the table."""
    if len(sys.argv) < 2 or not all("=" in word for word in sys.argv[1:]):
        raise SystemExit(__doc__)
    named = dict(word.split("=", 1) for word in sys.argv[1:])
    versions = {name: run(python, _VERSIONS) for name, python in named.items()}
    for name, found in versions.items():
        print(f"* {name}: {', '.join(f'{key} {value}' for key, value in found.items())}")
    print(
        "\n| environment | variant | symbols exact | pictures exact | within | wrong | absent | floats |"
    )
    print("|---|---|---|---|---|---|---|---|")
    good = True
    for name, python in named.items():
        for variant in (WITH_TORCH if "torch" in versions[name] else []) + ANYWHERE:
            good &= line(name, python, variant)
    first = next(iter(named))
    caught = not line(first, named[first], FLOATS)
    sys.exit(not (good and caught))


if __name__ == "__main__":
    main()
