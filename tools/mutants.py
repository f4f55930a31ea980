"""Mutation testing: change the sources in one small place at a time, and see whether a test fails (docs/mutants.md).

    python tools/mutants.py core/src/gcodec/entropy --count 20 --seed 1 --out mutants.json

Each mutant is made in a copy of the working tree, never in the checkout; the tests are those of the file's own package or
room. A run can be broken off: the same command passes over what its file of results holds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from mutations import Mutant, mutants

ROOT = Path(__file__).resolve().parent.parent
#: Mutants that change nothing a test could see, lines `key | reason`.
EQUIVALENT = Path(__file__).with_name("equivalent.txt")


def draw(files: list[str], count: int, seed: int, root: Path = ROOT) -> list[Mutant]:
    """`count` mutants by chance, as many of each file as of any other while there are as many."""
    chance, passed = random.Random(seed), equivalent()
    piles = []
    for file in files:
        pile = [m for m in mutants(file, (root / file).read_text()) if m.key not in passed]
        chance.shuffle(pile)
        piles.append(pile)
    chance.shuffle(piles)
    drawn: list[Mutant] = []
    while len(drawn) < count and any(piles):
        drawn += [pile.pop() for pile in piles if pile]
    return sorted(drawn[:count])


def equivalent() -> set[str]:
    """The keys of those."""
    lines = EQUIVALENT.read_text().splitlines()
    return {line.rsplit(" | ", 1)[0] for line in lines if line and not line.startswith("#")}


def narrow_tests(file: str, root: Path = ROOT) -> list[str]:
    """The test files of a source file's package, or of its room where there is one, those that name it first.

    And, where none of them imports the module, those of other rooms and packages that do.
    """
    parts = Path(file).parts
    home = parts.index("src")
    folder, inside = root.joinpath(*parts[:home], "tests"), parts[home + 2 :]
    room = folder / inside[0] if len(inside) > 1 else folder
    if parts[0] == "core" and len(inside) == 1:  # beside the rooms
        found = sorted(folder.glob("test_*.py")) + sorted((folder / "pipeline").glob("test_*.py"))
    else:
        found = sorted((room if room.is_dir() else folder).rglob("test_*.py"))
    module = ".".join(parts[home + 1 :]).removesuffix(".py").removesuffix(".__init__")
    if not any(module in path.read_text() for path in found):
        places = ("tests", "*/tests", "plugins/*/tests")
        others = {path for place in places for path in root.glob(f"{place}/**/test_*.py")}
        found += sorted(path for path in others - {*found} if module in path.read_text())
    word = inside[-1].removesuffix(".py").strip("_")
    found.sort(key=lambda path: -(word in path.stem) * 100 - path.read_text().count(word))
    return [path.relative_to(root).as_posix() for path in found]


def pytest(tests: list[str], root: Path, limit: float) -> tuple[str, float]:
    """`survived`, `killed`, `timeout` or `broken` (nothing was tested), and the seconds taken."""
    sources = [*root.glob("*/src"), *root.glob("plugins/*/src")]
    paths = {"PYTHONPATH": os.pathsep.join(map(str, sources)), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    began = time.monotonic()
    run = subprocess.Popen(
        words, cwd=root, env=os.environ | paths, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        verdict = {0: "survived", 4: "broken", 5: "broken"}.get(run.wait(limit), "killed")
    except subprocess.TimeoutExpired:
        verdict = "timeout"
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    return verdict, round(time.monotonic() - began, 1)


def checkout(root: Path) -> None:
    """Copy the working tree, with what is not committed and without what git ignores."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)


def judge(drawn: list[Mutant], results: dict[str, dict[str, Any]], out: Path, root: Path) -> None:
    """Try in `root` each mutant that `results` lacks, and write them to `out` after each."""
    unchanged: dict[tuple[str, ...], float] = {}
    for n, mutant in enumerate(drawn, 1):
        if mutant.key in results:
            continue
        tests, path = narrow_tests(mutant.file, root), root / mutant.file
        which = tuple(sorted(tests))
        if which not in unchanged:
            verdict, unchanged[which] = pytest(tests, root, 1800)
            if verdict != "survived":
                sys.exit(f"tests fail without any mutant ({verdict}): {' '.join(tests)}")
        source = path.read_text()
        path.write_text(source[: mutant.start] + mutant.after + source[mutant.stop :])
        try:
            verdict, seconds = pytest(tests, root, 3 * unchanged[which] + 30)
        finally:
            path.write_text(source)
        found = {"key": mutant.key, "verdict": verdict, "seconds": seconds, "tests": tests}
        results[mutant.key] = mutant._asdict() | found
        out.write_text(json.dumps(list(results.values()), indent=1) + "\n")
        change = f"{mutant.file}:{mutant.line}: {mutant.before} -> {mutant.after}"
        print(f"{n}/{len(drawn)} {verdict:8} {seconds:6} s  {change}", flush=True)


def table(results: list[dict[str, Any]]) -> str:
    """Counts for each distribution."""
    rows = Counter((row["file"].split("/src/")[0], row["verdict"]) for row in results)
    verdicts = ("killed", "timeout", "survived")
    lines = [" " * 22 + "".join(f"{verdict:>10}" for verdict in verdicts)]
    for name in sorted({name for name, _ in rows}):
        lines.append(f"{name:22}" + "".join(f"{rows[name, verdict]:10}" for verdict in verdicts))
    return "\n".join(lines)


def sources(where: list[Path]) -> list[str]:
    """The source files among files and folders, from the root."""
    found = {f for path in where for f in ([path] if path.is_file() else path.rglob("*.py"))}
    inside = {path.resolve().relative_to(ROOT) for path in found}
    return sorted(path.as_posix() for path in inside if "src" in path.parts)


def main() -> None:
    """Draw, judge, tell."""
    parser = argparse.ArgumentParser(description="Change the sources; do the tests notice?")
    parser.add_argument("where", nargs="+", type=Path, help="source files, or folders of them")
    parser.add_argument("--count", type=int, default=20, help="how many mutants are drawn (20)")
    parser.add_argument("--seed", type=int, default=1, help="which are drawn (1)")
    parser.add_argument("--out", type=Path, default=Path("mutants.json"), help="file of results")
    parser.add_argument("--list", action="store_true", help="show the mutants and test nothing")
    chosen = parser.parse_args()
    drawn = draw(sources(chosen.where), chosen.count, chosen.seed)
    if chosen.list:
        print("\n".join(f"{m.line}: {m.key}" for m in drawn))
        return
    rows = json.loads(chosen.out.read_text()) if chosen.out.exists() else []
    results: dict[str, dict[str, Any]] = {row["key"]: row for row in rows}
    try:
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            checkout(Path(folder))
            judge(drawn, results, chosen.out, Path(folder))
    except KeyboardInterrupt:
        print("broken off; the same command goes on from here")
    print(table([results[m.key] for m in drawn if m.key in results]))


if __name__ == "__main__":
    main()
