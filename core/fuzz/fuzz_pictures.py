"""Damaged pictures in 16 formats, each compared with what another reader sees; tests/pictures/test_mutated.py runs a few.

    python core/fuzz/fuzz_pictures.py [COUNT [FIRST]]

Prints each fault with the number of its mutant, and what became of them all. Exit status 1 for a fault.
"""

from __future__ import annotations

import faulthandler
import sys
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "pictures"))

from mutated import judge, mutant


def main(count: int = 10_000, first: int = 0) -> int:
    found: Counter[str] = Counter()
    for number in range(first, first + count):
        name, data = mutant(number)
        verdict = judge(name, data)
        found[verdict.kind] += 1
        if verdict.kind == "fault":
            print(f"{number} {name}: {verdict.text}", flush=True)
    print(", ".join(f"{many} {kind}" for kind, many in sorted(found.items())))
    return int(found["fault"] > 0)


if __name__ == "__main__":
    faulthandler.enable()
    raise SystemExit(main(*map(int, sys.argv[1:])))
