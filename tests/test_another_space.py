"""A stranger's space of pixels and the denoiser in it: all that is there serves them, and nothing else changes its way.

The distribution brings two models, what opens them, and not one adapter in or out of its space. One shortcut that it brings
for everybody is taken where somebody asks for it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from gcodec.models import folder_digest

for _package in ("gcodec_diffusers", "gcodec_diffusion", "gcodec_posterior", "gcodec_diffc"):
    pytest.importorskip(_package)
pytest.importorskip("gcodec_eval")

Gcodec = Callable[..., "subprocess.CompletedProcess[str]"]

PLUGIN = """
from gcodec.plugin import *

GCODEC_INTERFACE = 1
PLACE = Place("acme/pixels", "acme/space", "acme/net")

@hookimpl
def gcodec_models():
    return [
        ModelSpec("acme/space", "{space}", "acme_models:net/space", "pixels as they are", "MIT", PLACE),
        ModelSpec("acme/net", "{net}", "acme_models:net", "takes pictures for noise", "MIT", PLACE),
    ]

@hookimpl
def gcodec_networks():
    return [
        NetworkSpec("AcmePixels", "space", "pixels", "acme_networks:Pixels"),
        NetworkSpec("AcmeGaussian", "denoiser", "a Gaussian prior", "acme_networks:Gaussian"),
    ]

@hookimpl
def gcodec_embeddings():
    shared = dict(implementation="nowhere:at_all", parse_class="A", model="acme/net")
    return [EmbeddingSpec("acme/rounded", "pixels, rounded", makes=("latent/{{space}}",), **shared)]

@hookimpl
def gcodec_adapters():
    return [AdapterSpec("acme/blank", "preview", "sketch", "acme_networks:blank", 1, "no edges at all")]
"""

NETWORKS = """
import numpy as np
import torch

from gcodec.models.networks import Condition, Denoiser, LatentSpace
from gcodec.signals import Sketch

DEVIATION = np.full(3, 0.5, np.float32)

class Pixels(LatentSpace):
    name, channels, factor = "acme/pixels", 3, 1

    def __init__(self, model, run):
        pass

    def encode(self, pixels):
        return 2 * pixels - 1

    def decode(self, latent, size):
        return ((latent + 1) / 2).clip(0, 1)

    def render(self, z):
        return (z + 1) / 2

class Gaussian(Denoiser):
    sees = ("preview",)

    def __init__(self, model, run):
        # Within the folder, so that a file that names the denoiser by its digest says which space it means.
        self.space = str(model.folder / "space")

    def estimate(self, signals, size):
        if "preview" not in signals:
            return np.zeros((3, *size), np.float32), DEVIATION
        preview = signals["preview"]
        error = np.minimum(2 * preview.mse**0.5 + np.zeros_like(DEVIATION), DEVIATION)
        return 2 * preview.pixels - 1, error

    def condition(self, signals, size):
        c, s = self.estimate(signals, size)
        return Condition({"c": torch.from_numpy(c)}, {"s": torch.from_numpy(s)})

    def x0(self, x_t, alpha_t, sigma_t, condition, step=0.0):
        s = condition.globals["s"][:, None, None].double() + 1e-9
        known, seen = s**-2, (alpha_t / (sigma_t + 1e-9)) ** 2
        state = x_t.double() / (alpha_t + 1e-9)
        return ((known * condition.maps["c"] + seen * state) / (known + seen)).float()

def blank(preview, size, setup):
    return Sketch(np.zeros((1, *size), np.float32))
"""


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the distribution is installed."""
    site = tmp_path_factory.mktemp("acme")
    digests = {}
    net = site / "acme_models" / "net"
    (net / "space").mkdir(parents=True)
    for name, cls, folder in (
        ("space", "AcmePixels", net / "space"),
        ("net", "AcmeGaussian", net),
    ):
        (folder / "config.json").write_text(json.dumps({"_class_name": cls}))
        save_file({"deviation": np.full(3, 0.5, np.float32)}, folder / "weights.safetensors")
        digests[name] = folder_digest(folder)
    (site / "acme_models" / "__init__.py").write_text("")
    (site / "acme_plugin.py").write_text(PLUGIN.format(**digests))
    (site / "acme_networks.py").write_text(NETWORKS)
    info = site / "gcodec_acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gcodec-acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gcodec]\nacme = acme_plugin\n")
    return site


@pytest.fixture(scope="module")
def with_acme(gcodec: Gcodec, acme: Path) -> Gcodec:
    """Run ``gcodec`` where the distribution is installed."""
    path = os.pathsep.join(filter(None, (str(acme), os.environ.get("PYTHONPATH"))))

    def run(*words: object, **more: object) -> subprocess.CompletedProcess[str]:
        return gcodec(*words, PYTHONPATH=path, **more)

    return run


@pytest.fixture
def photo(crop: Path, tmp_path: Path) -> Path:
    from PIL import Image

    path = tmp_path / "photo.png"
    with Image.open(crop) as whole:
        whole.crop((0, 0, 64, 48)).save(path)
    return path


def rows(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], dict[str, object]]:
    assert done.returncode == 0, done.stderr
    return {(row["embedding"], row["reconstructor"]): row for row in json.loads(done.stdout)}


def test_adapters_lead_in_and_out_of_the_space(
    with_acme: Gcodec, photo: Path, tmp_path: Path
) -> None:
    words = ["--recon-model", "acme/net", "--json", "-o", tmp_path / "one"]
    done = with_acme(
        "mix", photo, "--embed", "webp", "--recon", "ode,dps,cdc", "--steps", 2, *words
    )
    made = rows(done)
    assert made["webp", "ode"]["path"] == (
        "preview -> noisy/acme/pixels by noise_preview (35); noisy/acme/pixels"
    )
    assert made["webp", "cdc"]["path"] == (
        "preview -> latent/acme/pixels by encode (30); latent/acme/pixels"
    )
    assert made["webp", "dps"]["path"] == "preview"
    assert float(str(made["webp", "ode"]["psnr"])) > 20
    words = ["--embed-model", "acme/net", "--json", "-o", tmp_path / "other", "--quality", 0.9]
    done = with_acme("mix", photo, "--embed", "ddcm", "--recon", "preview,controlnet", *words)
    made = rows(done)
    assert made["ddcm", "preview"]["path"] == (
        "noisy/acme/pixels -> preview by denoise (850); preview"
    )
    assert made["ddcm", "controlnet"]["path"] == (
        "noisy/acme/pixels -> preview by denoise (850), preview -> sketch by edges (20); sketch"
    )


def test_whoever_installs_it_finds_all_other_pairs_as_they_were(
    gcodec: Gcodec, with_acme: Gcodec
) -> None:
    before, after = rows(gcodec("matrix", "--json")), rows(with_acme("matrix", "--json"))
    assert before.items() <= after.items()
    own = {pair: row for pair, row in after.items() if pair not in before}
    assert {embedding for embedding, _ in own} == {"acme/rounded"}
    assert own["acme/rounded", "flow"]["path"] == (
        "latent/acme/pixels -> preview by decode (400); preview"
    )
    assert own["acme/rounded", "controlnet"]["path"] == (
        "latent/acme/pixels -> preview by decode (400), preview -> sketch by acme/blank (1); sketch"
    )


def test_the_shortcut_is_there_for_those_who_ask_and_the_record_says_so(
    with_acme: Gcodec, photo: Path, tmp_path: Path
) -> None:
    words = ["--embed", "webp", "--recon", "controlnet", "--json", "--via", "acme/blank"]
    folder = tmp_path / "mixed"
    taken = "preview -> sketch by acme/blank (1); sketch + preview"
    (row,) = rows(with_acme("mix", photo, *words, "--steps", 1, "-o", folder)).values()
    assert row["path"] == taken.removesuffix(" + preview")
    assert json.loads((folder / "photo.webp.controlnet.json").read_text())["path"] == row["path"]
    words += ["--quality", 0.5, "--metrics", "psnr", "-o", tmp_path / "measured", "--jobs", 1]
    done = with_acme("eval", photo.parent, *words)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "measured" / "results.json").read_text())
    assert "by acme/blank (1)" in json.dumps(found)


def test_a_way_that_leads_nowhere_is_refused_in_one_line(
    with_acme: Gcodec, photo: Path, tmp_path: Path
) -> None:
    # Beside the picture it would be one more line of `eval`: that it is passed over.
    file = tmp_path / "coded" / "photo.gcx"
    file.parent.mkdir()
    assert with_acme("encode", photo, "--embed", "webp", "-o", file).returncode == 0
    for words in (
        ["decode", file, "--recon", "flow", "-o", tmp_path / "decoded.png"],
        ["mix", photo, "--embed", "webp", "--recon", "flow", "-o", tmp_path / "m"],
        ["eval", photo.parent, "--embed", "webp", "--recon", "flow", "-o", tmp_path / "e"],
    ):
        done = with_acme(*words, "--via", "acme/blank")
        assert done.returncode == 5, done.stderr
        (line,) = done.stderr.splitlines()
        assert "adapter 'acme/blank' leads nowhere between 'webp' and 'flow'" in line
        done = with_acme(*words, "--via", "acme/blink")
        assert done.returncode == 3 and "did you mean acme/blank?" in done.stderr
