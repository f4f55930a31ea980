"""Importing the package, and `python -m gcodec.randomness`."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

from gcodec.randomness import __main__


def python(*words, **environment):
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, *words],
        env=os.environ | paths | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_importing_takes_neither_numpy_nor_torch():
    program = (
        "import sys; from gcodec.randomness import Domain, Randomness; r = Randomness(1);"
        "print('numpy' in sys.modules, 'torch' in sys.modules);"
        "r.normal(Domain.INITIAL_NOISE, 0, 0, 10); print('torch' in sys.modules)"
    )
    assert python("-c", program).stdout.split() == ["False", "False", "False"]


def test_the_command_proves_every_back_end():
    ran = python("-m", "gcodec.randomness", PYTHONHASHSEED="7")
    assert ran.returncode == 0, ran.stderr
    digests, names = zip(*(line.split("  ") for line in ran.stdout.splitlines()), strict=True)
    assert set(digests) == {__main__.EXPECTED}
    expected = ("numpy",)
    if find_spec("torch"):
        expected += ("torch cpu, threads: 1", "torch cpu, threads: 2")
    assert names[: len(expected)] == expected


def test_the_command_fails_if_a_back_end_differs(monkeypatch, capsys):
    lines = [("numpy", __main__.EXPECTED), ("torch cpu, threads: 1", "0" * 64)]
    monkeypatch.setattr(__main__, "digests", lambda: iter(lines))
    assert __main__.main() == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == f"{__main__.EXPECTED}  numpy"
    assert out.splitlines()[1].endswith("WRONG")
    assert __main__.EXPECTED in err


def test_the_command_works_without_torch(monkeypatch):
    monkeypatch.setattr(__main__, "find_spec", lambda name: None)
    assert [name for name, _ in __main__.digests()] == ["numpy"]
