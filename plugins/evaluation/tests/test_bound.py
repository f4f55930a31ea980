"""A result is taken from the journal only where nothing that decides it has changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import support
from evaluation_runs import evaluate, points
from safetensors.numpy import save_file

import gcodec
from gcodec.pictures import load_image, psnr, save_image
from gcodec.testing import pictures

#: A reconstructor that darkens as its network says, the network of another distribution, and one that nobody asks.
_NEAR = """
from gcodec.interfaces import Reconstructor
from gcodec.models.networks import open_denoiser

class Near(Reconstructor):
    def reconstruct(self, signals, size):
        dark = open_denoiser(self.setup.model, self.setup.run)
        return (signals["preview"].pixels * 0.9 * dark.gain).astype("float32")
"""
_NEAR_PLUGIN = """
from gcodec.plugin import ReconstructorSpec, hookimpl

GCODEC_INTERFACE = 1

@hookimpl
def gcodec_reconstructors():
    return [ReconstructorSpec("near", "for tests", "near_codecs:Near", (("preview",),), model="dark")]
"""
_NETWORK = """
class Dark:
    def __init__(self, gain):
        self.gain = gain

def load(model, run):
    return Dark(0.9 * float(model.tensors()["gain"][0]))
"""
_NETWORK_PLUGIN = """
from gcodec.plugin import NetworkSpec, hookimpl

GCODEC_INTERFACE = 1

@hookimpl
def gcodec_networks():
    return [NetworkSpec("Dark", "denoiser", "for tests", "dark_network:load")]
"""
_FAR_PLUGIN = """
from gcodec.plugin import ReconstructorSpec, hookimpl

GCODEC_INTERFACE = 1

@hookimpl
def gcodec_reconstructors():
    return [ReconstructorSpec("far", "for tests", "far_codecs:Far", (("preview",),))]
"""

WORDS = ("--embed", "tiny", "--recon", "near", "--quality", "0.5")
ALL = ["decode", "encode", "judge"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    save_image(pictures.as_picture(pictures.photograph(40, 56)), folder / "a.png")
    return folder


def model(folder: Path, gain: float) -> None:
    """Write a model folder for the class `Dark`."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text('{"_class_name": "Dark"}')
    save_file(
        {"gain": np.array([gain], np.float32)}, folder / "diffusion_pytorch_model.safetensors"
    )


def test_what_lies_on_the_way_is_done_again_and_nothing_else(
    folder: Path, site: Path, tmp_path: Path
) -> None:
    lib, out, core = tmp_path / "lib", tmp_path / "out", tmp_path / "core"
    for name, modules in {
        "near": {"near_codecs": _NEAR, "near_plugin": _NEAR_PLUGIN},
        "dark": {"dark_network": _NETWORK, "dark_plugin": _NETWORK_PLUGIN},
        "far": {"far_codecs": "Far = None\n", "far_plugin": _FAR_PLUGIN},
    }.items():
        support.install(lib, f"gcodec-{name}", modules, points={name: f"{name}_plugin"})
    model(tmp_path / "dark", 1.0)
    shutil.copytree(
        Path(gcodec.__file__).parent, core / "gcodec", ignore=shutil.ignore_patterns("__pycache__")
    )

    def edit(file: Path, old: str, new: str) -> Callable[[], object]:
        text = file.read_text()
        assert old in text
        return lambda: file.write_text(text.replace(old, new, 1))

    before = 0.0
    for change, again, moved in (
        (lambda: None, ALL, True),
        (edit(lib / "far_codecs.py", "None", "()"), [], False),
        (edit(core / "gcodec/cli/_info.py", "import", "# a word\nimport"), [], False),
        (edit(lib / "near_codecs.py", "* 0.9", "* 0.8"), ["decode", "judge"], True),
        (edit(lib / "dark_network.py", "(0.9", "(0.8"), ["decode", "judge"], True),
        (lambda: model(tmp_path / "dark", 0.9), ["decode", "judge"], True),
        # As if a defect of the number itself were mended: the old one must not stay in the table.
        (edit(core / "gcodec/pictures/_error.py", "else 10 *", "else 3 + 10 *"), ALL, True),
    ):
        journal = out / "journal.jsonl"
        known = len(journal.read_bytes().splitlines()) if journal.exists() else 0
        change()
        more = ("--models", tmp_path / "dark")
        support.succeeds(evaluate(folder, out, *WORDS, *more, site=[core, lib, site]))
        new = journal.read_bytes().splitlines()[known:]
        assert sorted(json.loads(line)["identity"]["step"] for line in new) == again
        (point,) = points(out)
        assert (point["psnr"] != before) == moved
        before = point["psnr"]
    assert before == pytest.approx(3 + _by_hand(out, folder, [lib, site], tmp_path / "dark"))


def _by_hand(out: Path, folder: Path, site: list[Path], weights: Path) -> float:
    """Return the PSNR that the core's own formula gives a picture decoded by the command."""
    (point,) = points(out)
    back = out / "back.png"
    words = ["decode", out / point["file"], "-o", back, "--recon", "near", "--models", weights]
    support.succeeds(support.gcodec(*words, site=site))
    return psnr(load_image(folder / "a.png").pixels, load_image(back).pixels)


def test_another_seed_is_another_file(folder: Path, site: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for seed in (7, 8):
        words = ["--embed", "test/seeded", "--recon", "preview", "--quality", 1, "--seed", seed]
        support.succeeds(evaluate(folder, out, *words, site=[_fickle(tmp_path), site]))
        (point,) = points(out)
        alone = tmp_path / f"{seed}.gcx"
        words = ["encode", folder / "a.png", "--embed", "test/seeded", "--quality", 1]
        support.succeeds(
            support.gcodec(*words, "--seed", seed, "-o", alone, site=[tmp_path / "fickle"])
        )
        assert (out / point["file"]).read_bytes() == alone.read_bytes()


def test_a_failure_is_tried_again_an_unreachable_size_is_not(
    folder: Path, site: Path, tmp_path: Path
) -> None:
    out, lib = tmp_path / "out", _fickle(tmp_path)
    words = ["--embed", "test/seeded", "--recon", "test/fickle", "--bytes", "5,90000"]
    good, bad = lib / "good", lib / "bad"
    found = []
    for now, then in ((bad, good), (good, bad)):
        then.unlink(missing_ok=True)
        now.touch()
        assert evaluate(folder, out, *words, site=[lib, site]).returncode == 21
        found.append([(p["error"] or "").partition(":")[0] for p in points(out)])
    assert found == [["TargetTooSmall", "PluginError"], ["TargetTooSmall", ""]]
    lines = (out / "journal.jsonl").read_text().splitlines()
    steps = [json.loads(line)["identity"]["step"] for line in lines]
    assert sorted(steps) == ["decode", "encode", "encode", "judge"]


def test_seconds_of_a_decode_are_those_of_both_stages(
    folder: Path, site: Path, tmp_path: Path
) -> None:
    out, lib = tmp_path / "out", _fickle(tmp_path)
    (lib / "good").touch()
    words = ["--embed", "test/seeded", "--recon", "test/fickle", "--quality", "1"]
    support.succeeds(evaluate(folder, out, *words, site=[lib, site]))
    (point,) = points(out)
    # Stage 1 takes 0.3 s, stage 2 takes 0.2 s.
    assert point["decode_seconds"] >= 0.5
    assert (
        point["decode_seconds"] == point["decode_parts"]["stage1"] + point["decode_parts"]["stage2"]
    )


def test_a_defect_keeps_its_traceback(folder: Path, site: Path, tmp_path: Path) -> None:
    out, lib = tmp_path / "out", _fickle(tmp_path)
    words = ["--embed", "test/seeded", "--recon", "test/fickle", "--bytes", "5,90000"]
    done = evaluate(folder, out, *words, site=[lib, site])
    assert done.returncode == 21
    said = done.stdout.decode()
    small, failed = points(out)
    assert small["traceback"] is None
    assert "fickle_codecs.py" in failed["traceback"] and "1 / 0" in failed["traceback"]
    assert "results.json has the traceback" in said and "Traceback" not in said
    done = evaluate(folder, out, *words, site=[lib, site], GCODEC_TRACEBACK="1")
    assert done.returncode == 21
    assert b"1 / 0" in done.stderr


_FICKLE = """
import time
from pathlib import Path

from gcodec.interfaces import Embedding, Reconstructor
from sample_codecs import Tiny

class Seeded(Embedding):
    def __init__(self, setup):
        super().__init__(setup)
        self.inner = Tiny(setup)
    def encode(self, analysis, quality):
        (data,) = self.inner.encode(analysis, quality)
        return (bytes([self.setup.run.seed % 256]) + data,)
    def decode(self, layers, size):
        time.sleep(0.3)
        return self.inner.decode((layers[0][1:],), size)

class Fickle(Reconstructor):
    def reconstruct(self, signals, size):
        time.sleep(0.2)
        if not (Path(__file__).parent / "good").exists():
            1 / 0
        return signals["preview"].pixels
"""
_FICKLE_PLUGIN = """
from gcodec.plugin import EmbeddingSpec, ReconstructorSpec, hookimpl

GCODEC_INTERFACE = 1

@hookimpl
def gcodec_embeddings():
    return [EmbeddingSpec("test/seeded", "for tests", "fickle_codecs:Seeded", ("preview",), "A")]

@hookimpl
def gcodec_reconstructors():
    return [ReconstructorSpec("test/fickle", "for tests", "fickle_codecs:Fickle", (("preview",),))]
"""


def _fickle(tmp_path: Path) -> Path:
    """Install an embedding whose files differ by the seed and a reconstructor that works where a file says so."""
    folder = tmp_path / "fickle"
    modules = {"fickle_codecs": _FICKLE, "fickle_plugin": _FICKLE_PLUGIN}
    support.install(folder, "gcodec-fickle", modules, points={"fickle": "fickle_plugin"})
    return folder
