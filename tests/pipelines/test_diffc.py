"""Noisy states through published architectures: tiny random pipelines, saved as folders, loaded as theirs are.

What decodes in a fresh process has the file and the folder and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

import gcodec
from gcodec.errors import ImageError, ModelDamaged, ModelMissing
from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.models.networks import open_space, place_of
from gcodec.pictures import psnr
from gcodec.pipeline.binding import bind, ways
from gcodec.pipeline.resolver import resolve
from gcodec.pipeline.stage1 import open_stage1
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Noisy, Preview, kind_and_space
from gcodec_diffc.diffc import fit
from gcodec_diffusers import tiny

FloatArray = NDArray[np.float32]

#: PerCo(SD) needs tokens beside; `test_embeddings` gives it those of a companion.
KINDS = [kind for kind in tiny.KINDS if kind != "perco"]
#: A random network's x0-hat is no estimate of anything; under these parametrisations it stays near the prior.
HONEST = ("sd21", "sd3", "flux")
#: Reconstructors that work in a latent space, with few steps.
RECONSTRUCTORS = {"ode": 2, "sde": 2, "mse": None, "dps": 2, "latent_flow": 2}
#: Those that are led by an estimate of the picture, however it comes.
LED = ("latent_flow", "dps", "hfd", "cdc", "relic", "perco")


class Coded(NamedTuple):
    """A pipeline's folder, and a file of `diffc` made with it."""

    folder: Path
    data: bytes

    def run(self) -> Run:
        return Run(models=ModelStore.installed([self.folder]))

    def decode(self, recon: str, **options: object) -> FloatArray:
        model = str(self.folder) if recon in RECONSTRUCTORS else None
        made = gcodec.decode(self.data, recon, options=options, model=model, run=self.run())
        return made.picture.pixels


@pytest.fixture(scope="module")
def coded(photo: FloatArray, pipeline: Callable[[str], Path]) -> dict[str, Coded]:
    made = {}
    for kind in KINDS:
        folder = pipeline(kind)
        file = gcodec.encode(
            gcodec.Picture(photo),
            "diffc",
            target=gcodec.Target(quality=0.6),
            options={"channel": "trellis:memory=8"},
            model=str(folder),
        )
        made[kind] = Coded(folder, file.data)
    return made


#: Decodes every file with its folder and writes what came of it.
FRESH = """
import json, sys
import numpy as np
import gcodec
from gcodec.models import ModelStore
from gcodec.run import Run
from gcodec.pipeline.stage1 import open_stage1
for file, folder, out in json.load(sys.stdin):
    data = open(file, "rb").read()
    run = Run(models=ModelStore.installed([__import__("pathlib").Path(folder)]))
    (state,) = open_stage1(data, run=run).signals()
    made = {"x_t": state.x_t, "level": np.array([state.alpha_t, state.sigma_t])}
    for recon, options in (("ode", {"steps": 2}), ("mse", {})):
        decoded = gcodec.decode(data, recon, options=options, model=folder, run=run)
        made[recon] = decoded.picture.pixels
    np.savez(out, **made)
assert "transformers" not in sys.modules
"""


@pytest.fixture(scope="module")
def fresh(coded: dict[str, Coded], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where another process left KIND.npz."""
    folder = tmp_path_factory.mktemp("fresh")
    work = []
    for kind, one in coded.items():
        (folder / f"{kind}.gcx").write_bytes(one.data)
        work.append([str(folder / f"{kind}.gcx"), str(one.folder), str(folder / f"{kind}.npz")])
    subprocess.run(
        [sys.executable, "-c", FRESH], input=json.dumps(work).encode(), check=True, timeout=200
    )
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_decodes_in_a_fresh_process(coded: dict[str, Coded], fresh: Path, kind: str) -> None:
    """State and pictures are those of this process, which encoded it."""
    one, there = coded[kind], np.load(fresh / f"{kind}.npz")
    (state,) = open_stage1(one.data, run=one.run()).signals()
    assert isinstance(state, Noisy)
    assert there["level"].tolist() == [state.alpha_t, state.sigma_t]
    np.testing.assert_allclose(there["x_t"], state.x_t, atol=2e-3)
    for recon, steps in (("ode", {"steps": 2}), ("mse", {})):
        np.testing.assert_allclose(there[recon], one.decode(recon, **steps), atol=5e-3)


@pytest.mark.parametrize("kind", HONEST)
def test_the_state_is_the_picture_at_the_snr_that_it_claims(
    coded: dict[str, Coded], photo: FloatArray, kind: str
) -> None:
    one = coded[kind]
    (state,) = open_stage1(one.data, run=one.run()).signals()
    assert isinstance(state, Noisy)
    x_0 = open_space(one.run().models.find(str(one.folder)), Run()).encode(photo)
    eps = (state.x_t - state.alpha_t * x_0) / state.sigma_t
    assert abs(eps.var() - 1) < 5 * (2 / eps.size) ** 0.5 + 0.02
    assert abs(np.corrcoef(eps.ravel(), x_0.ravel())[0, 1]) < 5 / eps.size**0.5


@pytest.mark.parametrize("kind", KINDS)
def test_every_latent_reconstructor_finishes_it(coded: dict[str, Coded], kind: str) -> None:
    """Samples are the file's own, `mse` is the preview, and realism 0 is it to the bit."""
    one = coded[kind]
    preview = one.decode("preview")
    for recon, steps in RECONSTRUCTORS.items():
        options = {} if steps is None else {"steps": steps}
        made = one.decode(recon, **options)
        assert made.shape == preview.shape and np.isfinite(made).all()
        if recon == "mse":
            np.testing.assert_allclose(made, preview, atol=1e-5)
        else:
            assert np.abs(made - preview).max() > 1e-4
    np.testing.assert_array_equal(one.decode("sde", steps=2), one.decode("sde", steps=2))
    np.testing.assert_array_equal(one.decode("sde", realism=0.0), preview)


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_preview_leads_every_network(
    coded: dict[str, Coded], photo: FloatArray, kind: str
) -> None:
    """A network that has never seen one, and means nothing, ends at the preview's latent where that is nearly exact."""
    one = coded[kind]
    file = gcodec.encode(gcodec.Picture(photo), "webp", target=gcodec.Target(quality=1.0))
    (preview,) = open_stage1(file.data).signals()
    assert isinstance(preview, Preview)
    space = open_space(one.run().models.find(str(one.folder)), Run())
    expected = space.decode(space.encode(preview.pixels), Size(*photo.shape[1:]))
    for recon in LED:
        made = gcodec.decode(file.data, recon, options={"steps": 3}, model=str(one.folder))
        assert {kind_and_space(a.target)[0] for a in made.path.adapters} <= {"latent"}
        assert psnr(expected, made.picture.pixels) > 25, recon


@pytest.mark.parametrize(
    ("size", "kinds"), [((1, 1), ()), ((7, 9), ("flux",)), ((17, 33), ("sd15", "flux"))]
)
def test_small_and_odd_sizes(
    coded: dict[str, Coded], photo: FloatArray, size: tuple[int, int], kinds: tuple[str, ...]
) -> None:
    """A latent of fewer than 32 numbers has no room for a step of 32 bits; `diffc` says so."""
    picture = gcodec.Picture(np.ascontiguousarray(photo[:, : size[0], : size[1]]))
    for kind in ("sd15", "flux"):
        folder = coded[kind].folder
        if kind not in kinds:
            with pytest.raises(ImageError, match="too few for a step"):
                gcodec.encode(picture, "diffc", model=str(folder))
            continue
        best = gcodec.Target(quality=1.0)
        made = gcodec.encode(
            picture,
            "diffc",
            target=best,
            options={"channel": "trellis:memory=4"},
            model=str(folder),
        )
        one = Coded(folder, made.data)
        for recon in ("mse", "latent_flow"):
            assert one.decode(recon).shape == (3, *size)


def test_a_pipeline_finishes_what_another_with_its_autoencoder_began(
    coded: dict[str, Coded],
) -> None:
    """Tiny SD 1.5 and 2.1 have one autoencoder, as the published ones nearly have; SD3 has its own."""
    sd15, sd21, sd3 = (coded[kind] for kind in ("sd15", "sd21", "sd3"))
    folders = [str(one.folder) for one in (sd15, sd21, sd3)]
    spaces = [place_of(ModelStore().find(folder), ModelStore()) for folder in folders]
    assert spaces[0] and spaces[1] and spaces[2]
    assert spaces[0].space == spaces[1].space != spaces[2].space
    made = gcodec.decode(sd15.data, "ode", options={"steps": 1}, model=folders[1], run=sd15.run())
    assert made.path.explain() == f"noisy/{spaces[0].space}"
    made = gcodec.decode(sd15.data, "ode", options={"steps": 1}, model=folders[2], run=sd15.run())
    assert [adapter.target for adapter in made.path.adapters] == [
        "preview",
        f"noisy/{spaces[2].space}",
    ]
    # Without naming a model `ode` is that of base: by way of the preview too.
    made = gcodec.decode(sd15.data, "ode", options={"steps": 1}, run=sd15.run())
    assert [adapter.target for adapter in made.path.adapters] == ["preview", "noisy/base"]


def test_the_refiner_finishes_what_the_base_began(coded: dict[str, Coded], tmp_path: Path) -> None:
    """The published ones share an autoencoder."""
    base = coded["sdxl"]
    refiner = shutil.copytree(coded["sdxl-refiner"].folder, tmp_path / "refiner")
    shutil.rmtree(refiner / "vae")
    shutil.copytree(base.folder / "vae", refiner / "vae")
    options = {"steps": 2}
    made = gcodec.decode(base.data, "ode", options=options, model=str(refiner), run=base.run())
    assert made.path.adapters == () and made.path.explain().startswith("noisy/kl-")
    assert np.abs(made.picture.pixels - base.decode("ode", steps=2)).max() > 1e-4


def test_without_the_folder_the_file_says_what_is_missing(coded: dict[str, Coded]) -> None:
    one = coded["flux"]
    digest = one.run().models.find(str(one.folder)).digest[:16]
    for models in (ModelStore.installed(), ModelStore.installed([coded["sd3"].folder])):
        with pytest.raises(ModelMissing, match=f"{digest}.*--models"):
            gcodec.decode(one.data, "mse", run=Run(models=models))


def test_tokens_of_base_lead_another_model_by_way_of_a_preview_only(
    coded: dict[str, Coded],
) -> None:
    """Under base latent_flow takes tokens of base as they are; a network of another space cannot."""
    one = coded["sd3"]
    model = ModelStore().find(str(one.folder))
    bound = bind(registry().reconstructor("latent_flow"), model, ModelStore())
    assert bound.place is not None and bound.place.space.startswith("kl-")
    needs = bound.spec.needs
    assert (f"latent/{bound.place.space}",) in needs and ("preview",) in needs
    assert not any("base" in name for need in needs for name in need)


def test_a_measured_schedule_names_its_pipeline_by_digest(
    coded: dict[str, Coded], photo: FloatArray, tmp_path: Path
) -> None:
    """`fit` makes one for any folder; sender and receiver may keep the folder wherever they like."""
    one = coded["sd21"]
    picture = tmp_path / "photo.png"
    octets = np.rint(photo.transpose(1, 2, 0) * 255).astype(np.uint8)
    Image.fromarray(octets).save(picture)
    schedule = tmp_path / "schedule"
    words = [str(schedule), str(picture), "--denoiser", str(one.folder), "--steps", "12"]
    assert CliRunner().invoke(fit.main, words, catch_exceptions=False).exit_code == 0
    config = json.loads((schedule / "config.json").read_text())
    assert config["denoiser"] == "sd21" and str(tmp_path) not in json.dumps(config)
    assert list(config["networks"]) == ["sd21"]

    def run(*folders: Path) -> Run:
        return Run(models=ModelStore.installed(folders))

    made = gcodec.encode(
        gcodec.Picture(photo),
        "diffc",
        target=gcodec.Target(bytes=90),
        options={"channel": "trellis:memory=8"},
        model=str(schedule),
        run=run(one.folder),
    )
    moved = one.folder.rename(one.folder.with_name("elsewhere"))
    try:
        for recon, model in (("preview", None), ("ode", str(moved))):
            decoded = gcodec.decode(made.data, recon, model=model, run=run(schedule, moved))
            assert decoded.path.explain().startswith("noisy/kl-")
        with pytest.raises(ModelMissing, match="sd21"):
            gcodec.decode(made.data, "preview", run=run(schedule))
    finally:
        moved.rename(one.folder)


def test_a_folder_that_is_no_pipeline_is_no_schedule(coded: dict[str, Coded]) -> None:
    with pytest.raises(ModelDamaged, match="not a schedule of `diffc` nor a pipeline"):
        gcodec.encode(gcodec.Picture(np.zeros((3, 8, 8), np.float32)), "diffc", model="base/ntc")


@pytest.mark.parametrize("kind", ["sd3", "sdxl"])
@pytest.mark.parametrize("options", [{"codebook": 8}, {"codebook": 18, "atoms": 0}], ids=str)
def test_ddcm_on_a_pipeline(
    coded: dict[str, Coded], photo: FloatArray, kind: str, options: dict[str, int]
) -> None:
    """Of flow matching and of diffusion; blocks of one atom, and one block of several."""
    one = coded[kind]
    made = gcodec.encode(
        gcodec.Picture(photo),
        "ddcm",
        target=gcodec.Target(bytes=80),
        options=options | {"steps": 3},
        model=str(one.folder),
    )
    decoded = gcodec.decode(made.data, "mse", model=str(one.folder), run=one.run())
    assert decoded.path.explain().startswith("noisy/kl-")


def test_an_autoencoder_alone_leads_no_noise(coded: dict[str, Coded]) -> None:
    """Adapters that need a denoiser are not there where the model in play has none."""
    one = coded["sdxl"]
    model = ModelStore().find(str(one.folder / "vae"))
    receiver = bind(registry().reconstructor("ode"), model, ModelStore())
    assert receiver.place is not None and receiver.place.denoiser is None
    found, space = ways(registry(), receiver), receiver.place.space
    assert {(a.source, a.target) for a in found.adapters if space in a.source + a.target} == {
        ("preview", f"latent/{space}"),
        (f"latent/{space}", "preview"),
    }
    assert resolve(("preview",), receiver.spec, found) is None


def test_from_the_command_line(coded: dict[str, Coded], tmp_path: Path) -> None:
    """--models for what the file names, --model for stage 2; --memory and --dtype reach it."""
    one = coded["sdxl"]
    file, out = tmp_path / "photo.gcx", tmp_path / "photo.png"
    file.write_bytes(one.data)
    words = ["decode", str(file), "-o", str(out), "--recon", "mse", "--models", str(one.folder)]
    words += ["--model", str(one.folder), "--memory", "low", "--json"]
    environment = {k: v for k, v in os.environ.items() if k != "GCODEC_MODELS"}
    done = subprocess.run(
        [sys.executable, "-m", "gcodec", *words],
        check=True,
        timeout=200,
        capture_output=True,
        env=environment,
    )
    assert json.loads(done.stdout)["path"].startswith("noisy/kl-")
    found = np.asarray(Image.open(out), np.float32).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(found, one.decode("mse"), atol=1.01 / 255)
