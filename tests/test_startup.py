"""Start-up: what is not needed is not imported."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

HEAVY = ["torch", "torchvision", "compressai", "diffusers", "transformers", "lpips", "torchmetrics"]
ARRAYS = ["numpy", "PIL", "constriction", "safetensors"]
#: Of Python itself: what costs every command time, and few need.
SELDOM = ["http.client", "ssl", "asyncio", "multiprocessing", "subprocess", "tarfile"]

#: Run the statements in a fresh interpreter, then say which of the modules named are loaded.
_SCRIPT = """
import contextlib, io, json, sys
with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
    {code}
print(json.dumps([out.getvalue(), [m for m in {modules!r} if m in sys.modules]]))
"""


def loaded_after(code: str, modules: list[str]) -> tuple[str, list[str]]:
    script = _SCRIPT.format(code=code, modules=modules)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said, loaded = json.loads(done.stdout)
    return said, loaded


def test_importing_the_packages_imports_neither_torch_nor_arrays() -> None:
    code = "import gcodec, gcodec_formats, gcodec.plugin, gcodec.errors, gcodec.cli, gcodec.testing"
    _, loaded = loaded_after(code, HEAVY + ARRAYS)
    assert loaded == []


def test_the_light_module_of_every_plugin_is_light() -> None:
    points = entry_points(group="gcodec")
    code = "import " + ", ".join(point.module for point in points)
    _, loaded = loaded_after(code, HEAVY + ARRAYS + SELDOM)
    assert loaded == []


@pytest.fixture(scope="module")
def vector() -> Path:
    path = Path(__file__).resolve().parents[1] / "spec" / "vectors" / "gcx" / "segments.gcx"
    if not path.exists():
        pytest.skip("spec/vectors is not there")
    return path


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["plugins"],
        ["matrix"],
        ["models"],
        ["encode", "--help"],
        ["info"],
    ],
    ids=" ".join,
)
def test_commands_that_only_tell_import_neither_torch_nor_arrays(
    words: list[str], vector: Path
) -> None:
    words = [*words, str(vector)] if words == ["info"] else words
    said, loaded = loaded_after(f"from gcodec.cli import main; main({words!r})", HEAVY + ARRAYS)
    assert said
    assert loaded == []


#: What torch and its companions bring along, and decoding has no use for.
IDLE = ["diffusers", "transformers", "scipy", "sympy", "torch._dynamo", "torchvision", "networkx"]


def test_decoding_through_the_denoiser_imports_torch_and_nothing_beside(
    tmp_path: Path, crop: Path
) -> None:
    from gcodec.registry import registry

    if "ode" not in registry().reconstructors or "base/denoiser" not in registry().models:
        pytest.skip("gcodec-posterior or gcodec-base is not installed")
    pytest.importorskip("torch")
    out, back = str(tmp_path / "a.gcx"), str(tmp_path / "a.png")
    words = ["encode", str(crop), "--embed", "jpeg", "-o", out]
    loaded_after(f"from gcodec.cli import main; main({words!r})", [])
    words = ["decode", out, "--recon", "ode", "-o", back]
    _, loaded = loaded_after(f"from gcodec.cli import main; main({words!r})", ["torch", *IDLE])
    assert loaded == ["torch"]
    assert Path(back).stat().st_size


def test_a_classical_path_never_imports_torch(tmp_path: Path, crop: Path) -> None:
    from gcodec.registry import registry

    if "jpeg" not in registry().embeddings:
        pytest.skip("gcodec-classic is not installed")
    out, back = str(tmp_path / "a.gcx"), str(tmp_path / "a.png")
    for words in ["encode", str(crop), "--embed", "jpeg", "-o", out], ["decode", out, "-o", back]:
        _, loaded = loaded_after(f"from gcodec.cli import main; main({words!r})", HEAVY)
        assert loaded == []
    assert Path(back).stat().st_size
