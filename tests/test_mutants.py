"""`tools/mutants.py`: which faults it makes, that a run can be repeated and broken off, and that it tells the truth."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from mutants import draw, equivalent, judge, narrow_tests, sources, table  # noqa: E402
from mutations import Mutant, mutants  # noqa: E402

CLAMP = '''"""Between 0 and 1."""
from typing import Literal
import warnings


def clamp(x: float, depth: Literal[8, 16] = 8) -> float:
    """A number with ünïcode beside it: x if 0 < x < 1."""
    if x > 1 and not depth < 3:  # schön
        warnings.warn(f"{x} > 1", stacklevel=2)
    if x != x:
        raise ValueError(f"{x + 1}")
    return max(0.0, min(x, 1))
'''


def changed(source: str, mutant: Mutant) -> str:
    return source[: mutant.start] + mutant.after + source[mutant.stop :]


def test_the_changes_are_those_that_could_matter() -> None:
    """None in docstrings, types, warnings and the texts of errors."""
    made = mutants("clamp.py", CLAMP)
    assert [(m.line, m.before, m.after) for m in made] == [
        (6, "8", "9"),
        (8, "x > 1", "(x >= 1)"),
        (8, "x > 1 and not depth < 3", "(x > 1 or not depth < 3)"),
        (8, "1", "2"),
        (8, "not depth < 3", "(depth < 3)"),
        (8, "depth < 3", "(depth <= 3)"),
        (8, "3", "4"),
        (10, "x != x", "(x == x)"),
        (11, 'raise ValueError(f"{x + 1}")', "pass"),
        (12, "max", "min"),
        (12, "0.0", "1.0"),
        (12, "min", "max"),
        (12, "1", "2"),
    ]
    for mutant in made:
        text = changed(CLAMP, mutant)
        compile(text, "clamp.py", "exec")
        assert text != CLAMP and len(text.splitlines()) == len(CLAMP.splitlines())


def test_every_mutant_of_the_project_is_valid_python_and_has_a_name_and_tests() -> None:
    files = sources([ROOT / "formats", ROOT / "core/src/gcodec/diffusion", ROOT / "plugins/flow"])
    for file in files:
        source = (ROOT / file).read_text()
        made = mutants(file, source)
        assert len({m.key for m in made}) == len(made)
        for mutant in made:
            compile(changed(source, mutant), file, "exec")
        assert all((ROOT / test).is_file() for test in narrow_tests(file))
        assert narrow_tests(file)
    assert (
        narrow_tests("core/src/gcodec/diffusion/tiles.py")[0]
        == "core/tests/diffusion/test_tiles.py"
    )


def test_the_seed_chooses_and_files_share() -> None:
    files = sources([ROOT / "core/src/gcodec/diffusion"])
    one, again, other = (draw(files, 12, seed) for seed in (1, 1, 2))
    assert one == again and one != other and len(one) == 12
    assert {m.file for m in one} == {f for f in files if not f.endswith("__init__.py")}
    assert not {m.key for m in one} & equivalent()


def test_equivalent_mutants_exist_and_have_a_reason() -> None:
    lines = (ROOT / "tools" / "equivalent.txt").read_text().splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            key, reason = line.rsplit(" | ", 1)
            file = key.split(" | ")[0]
            keys = {m.key for m in mutants(file, (ROOT / file).read_text())}
            assert key in keys, f"{key}: no longer in the source; delete its line"
            assert len(reason.split()) > 2, line


def test_a_run_tells_killed_from_survived_and_goes_on_where_it_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, tests = tmp_path / "part/src/pack/clamp.py", tmp_path / "part/tests"
    source.parent.mkdir(parents=True)
    tests.mkdir()
    source.write_text(CLAMP)
    (source.parent / "__init__.py").write_text("")
    (tests / "test_clamp.py").write_text(
        "from pack.clamp import clamp\n\ndef test_it():\n    assert clamp(-1) == 0 and clamp(0.5) == 0.5\n"
    )
    file = "part/src/pack/clamp.py"
    drawn = [m for m in draw([file], 99, 1, tmp_path) if m.line == 12]
    results: dict[str, dict[str, object]] = {}
    out = tmp_path / "out.json"
    judge(drawn[:2], results, out, tmp_path)
    first = out.read_text()
    judge(drawn, results, out, tmp_path)
    assert out.read_text().startswith(first.rstrip("\n]"))
    rows = json.loads(out.read_text())
    verdicts = {(row["before"], row["after"]): row["verdict"] for row in rows}
    assert verdicts == {
        ("max", "min"): "killed",
        ("0.0", "1.0"): "killed",
        ("min", "max"): "killed",
        ("1", "2"): "survived",  # nobody asks for more than 1
    }
    assert source.read_text() == CLAMP
    assert capsys.readouterr().out.count(file) == 4
    assert table(rows).split() == ["killed", "timeout", "survived", "part", "3", "0", "1"]
