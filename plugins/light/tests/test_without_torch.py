"""A machine without torch: the same symbols, the same pictures, and one line for what it cannot do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gcodec

#: In a sitecustomize.py: no torch, and none of what needs it, can be found.
WITHOUT = """
import sys
from importlib.machinery import PathFinder


class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0] in ("torch", "torchvision", "diffusers")
        return None if absent else super().find_spec(name, path, target)


sys.meta_path[:] = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""
#: Decodes files as their names say, NAME.RECONSTRUCTOR.gcx; then says what of torch is loaded.
DECODE = """
import json, sys
from pathlib import Path
import numpy as np
import gcodec

symbols = {}
for path in sorted(Path(sys.argv[1]).glob("*.gcx")):
    recon = path.suffixes[0][1:]
    steps = {"steps": 2} if recon in ("flow", "bridge") else {}
    decoded = gcodec.decode(path, recon, options=steps)
    np.save(f"{sys.argv[2]}/{path.stem}.npy", decoded.picture.pixels)
    symbols[path.name] = gcodec.verify(path)["symbols"]
print(json.dumps([symbols, "torch" in sys.modules, "onnxruntime" in sys.modules]))
"""
PAIRS = [
    *("ntc.preview", "ntc.flow", "ntc.bridge", "ntc_small.bridge", "ldm_quant.preview"),
    *("rate_variable.flow", "jpeg.preview", "webp.bridge"),
]
Run = Callable[..., subprocess.CompletedProcess[str]]


def _run(*words: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    paths = [*filter(None, [more.pop("site", "")]), *filter(None, sys.path)]
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(WITHOUT)
    return str(folder)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, photo: np.ndarray) -> Path:
    """A file for each pair; that of ntc_small is smaller than a block."""
    folder = tmp_path_factory.mktemp("files")
    for pair in PAIRS:
        name = pair.partition(".")[0].removesuffix("_small")
        pixels = photo[:, :5, :21] if "_small" in pair else photo[:, :90, :127]
        picture = gcodec.Picture(np.ascontiguousarray(pixels))
        (folder / f"{pair}.gcx").write_bytes(
            gcodec.encode(picture, name, target=gcodec.Target(quality=0.5)).data
        )
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory, photo: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("picture") / "photo.png"
    gcodec.save_image(gcodec.Picture(photo), path)
    return path


def test_same_symbols_same_pictures(files: Path, site: str, tmp_path: Path) -> None:
    """Against torch on the same machine: symbols to the bit, each sample within 1/255."""
    answers = []
    for name, more in {"with": {"GCODEC_DISABLE": "light"}, "without": {"site": site}}.items():
        (tmp_path / name).mkdir()
        done = _run("-c", DECODE, files, tmp_path / name, cwd=tmp_path, **more)
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    (symbols, torch, light), (others, no_torch, onnxruntime) = answers
    assert (torch, light, no_torch, onnxruntime) == (True, False, False, True)
    assert symbols == others and len(symbols) == len(PAIRS)
    for pair in PAIRS:
        a, b = (np.load(tmp_path / name / f"{pair}.npy") for name in ("with", "without"))
        assert a.shape == b.shape
        assert np.abs(a - b).max() < 1 / 255, pair


def test_it_sends_too(site: str, picture: Path, tmp_path: Path) -> None:
    """What is sent without torch is read with it."""
    words = ("-m", "gcodec", "encode", picture, "--embed", "ntc", "--bpp", "0.5", "-o", "x.gcx")
    done = _run(*words, "--digest", cwd=tmp_path, site=site)
    assert done.returncode == 0, done.stderr
    assert gcodec.verify(tmp_path / "x.gcx")["proved"]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("decode", "ntc.preview.gcx", "--recon", "latent_flow"), 4),
        (("decode", "ldm_quant.preview.gcx", "--dtype", "bfloat16"), 4),
        (("decode", "ntc.preview.gcx", "--recon", "flow", "--device", "cuda"), 2),
        (("encode", "PHOTO", "--embed", "ldm_quant", "--quality", "0.5"), 4),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_what_needs_torch_says_so_in_one_line(
    files: Path, site: str, picture: Path, tmp_path: Path, words: tuple[str, ...], status: int
) -> None:
    given = [picture if w == "PHOTO" else files / w if w.endswith(".gcx") else w for w in words]
    out = tmp_path / ("out.png" if words[0] == "decode" else "out.gcx")
    done = _run("-m", "gcodec", *given, "-o", out, cwd=tmp_path, site=site)
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == 1
    assert 'needs torch: pip install "gcodec[torch]"' in done.stderr
    assert not out.exists()


def test_a_list_of_plugins_says_what_torch_is_wanted_for(site: str, tmp_path: Path) -> None:
    done = _run("-m", "gcodec", "plugins", "--json", cwd=tmp_path, site=site)
    rows = {(o["kind"], o["name"]): o for p in json.loads(done.stdout) for o in p["offers"]}
    assert "torch" in rows["reconstructor", "latent_flow"]["missing"]
    for usable in ("flow", "bridge", "preview"):
        assert rows["reconstructor", usable]["missing"] is None
    assert rows["embedding", "ntc"]["missing"] is None


def test_without_onnxruntime_torch_computes(files: Path, tmp_path: Path) -> None:
    """Of an installation that lost it."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT.replace('"torch"', '"onnxruntime"'))
    words = ("-m", "gcodec", "decode", files / "ntc.bridge.gcx", "--recon", "bridge")
    done = _run(*words, "-o", "a.png", cwd=tmp_path, site=str(tmp_path))
    assert done.returncode == 0, done.stderr
    done = _run("-m", "gcodec", "plugins", "--json", cwd=tmp_path, site=str(tmp_path))
    rows = {(o["kind"], o["name"]): o for p in json.loads(done.stdout) for o in p["offers"]}
    assert "pip install onnxruntime" in rows["engine", "onnxruntime"]["missing"]


def test_without_torch_and_without_an_engine_ntc_says_what_would_do(
    files: Path, site: str, tmp_path: Path
) -> None:
    words = ("-m", "gcodec", "decode", files / "ntc.preview.gcx", "-o", tmp_path / "a.png")
    done = _run(*words, cwd=tmp_path, site=site, GCODEC_DISABLE="light")
    assert done.returncode == 4
    assert 'pip install "gcodec[torch]", or gcodec-light' in done.stderr
