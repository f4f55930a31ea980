"""The repair of torchvision, on packages made to fail in the same way; each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

BROKEN = """
import torch
from torchvision import _meta
ready = True
"""
META = "import torch\ntorch.library.register_fake('torchvision::nms')(lambda dets, scores, iou: dets)\n"
PROGRAM = """
import sys
from gcodec.models import _torchvision_cpu
assert "torch" not in sys.modules
_torchvision_cpu.install()
_torchvision_cpu.install()
assert "torch" not in sys.modules
import torchvision
from torchvision import _meta
print(torchvision.ready, type(torchvision.__spec__.loader).__module__)
import importlib
importlib.reload(torchvision)
"""


def run(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    start = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    return subprocess.run([sys.executable, "-c", start + program], capture_output=True, text=True)


def package(folder: Path, init: str) -> Path:
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text(init)
    (folder / "torchvision" / "_meta.py").write_text(META)
    return folder


def test_missing_operators_are_declared(tmp_path: Path) -> None:
    folder = package(tmp_path, BROKEN)
    assert "operator torchvision::nms does not exist" in run(folder, "import torchvision").stderr
    done = run(folder, PROGRAM)
    assert done.stdout.split() == ["True", "_frozen_importlib_external"], done.stderr


def test_other_failures_are_left_alone(tmp_path: Path) -> None:
    folder = package(tmp_path, "raise RuntimeError('something else')")
    done = run(folder, PROGRAM)
    assert done.returncode and "RuntimeError: something else" in done.stderr


def test_a_sound_package_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("ready = 'untouched'")
    (tmp_path / "torchvision" / "_meta.py").touch()
    done = run(tmp_path, PROGRAM + "print(hasattr(torchvision, '_gcodec_operators'))")
    assert done.stdout.split() == ["untouched", "_frozen_importlib_external", "False"], done.stderr


def test_the_installed_torchvision_imports() -> None:
    import importlib.util

    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    program = (
        "from gcodec.models import _torchvision_cpu as t; t.install(); import torchvision.models"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
