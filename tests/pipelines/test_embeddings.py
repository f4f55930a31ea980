"""`diffc`, `ldm_quant`, `text_sketch` and `perco` on each of seven architectures: files, a fresh process, what cannot be.

Each file is decoded by the architecture's own network, from a folder that the code for published ones loads. `diffc` on all
but PerCo(SD), which needs a companion, is in `test_diffc`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import gcodec
from gcodec.cli import main
from gcodec.errors import ModelDamaged, UsageError
from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.models.networks import open_codebook, open_space, place_of
from gcodec.pictures import psnr
from gcodec.pipeline.stage1 import open_stage1
from gcodec.run import Run
from gcodec.signals import Latent, Text, Tokens
from gcodec_diffusers import components, tiny

FloatArray = NDArray[np.float32]
Pipeline = Callable[[str], Path]

KINDS = list(tiny.KINDS)
#: Architectures for which there are ControlNets; the others take the colours of a sketch's file.
DRAWN = ("sd15", "sd21", "sdxl", "sd3", "flux")
WORDS = "two parrots"


class Case(NamedTuple):
    """A file, the folder of the pipeline that decodes it, and how."""

    data: bytes
    folder: Path
    recon: str
    options: Mapping[str, Any]

    def decode(self, recon: str | None = None, **options: object) -> gcodec.Decoded:
        run = Run(models=ModelStore.installed([self.folder]))
        how = options if recon else dict(self.options)
        return gcodec.decode(
            self.data, recon or self.recon, options=how, model=str(self.folder), run=run
        )


def encoded(photo: FloatArray, embedding: str, model: Path | None, **how: Any) -> bytes:
    name = None if model is None else str(model)
    return gcodec.encode(gcodec.Picture(photo), embedding, model=name, **how).data


@pytest.fixture(scope="module")
def cases(photo: FloatArray, pipeline: Pipeline) -> dict[tuple[str, str], Case]:
    """By embedding and architecture."""
    made: dict[tuple[str, str], Case] = {}
    without = encoded(photo, "perco", None, options={"text": WORDS})
    sketch = encoded(photo, "text_sketch", None, options={"text": WORDS})
    for kind in KINDS:
        folder = pipeline(kind)
        own = kind == "perco"
        tokens = encoded(photo, "perco", folder, options={"text": WORDS}) if own else without
        made["perco", kind] = Case(tokens, folder, "perco", {"steps": 2, "guidance": 3.0})
        if own:
            how = {"companions": [tokens], "run": Run(models=ModelStore.installed([folder]))}
            state = encoded(photo, "diffc", folder, options={"channel": "trellis:memory=6"}, **how)
            made["diffc", kind] = Case(state, folder, "ode", {"steps": 1})
        latent = encoded(photo, "ldm_quant", folder, options={"dither": kind == "sdxl"})
        made["ldm_quant", kind] = Case(latent, folder, "cdc", {"steps": 2})
        if kind in DRAWN:
            drawn = pipeline(f"{kind}+controlnet")
            made["text_sketch", kind] = Case(sketch, drawn, "controlnet", {"steps": 2})
        else:
            made["text_sketch", kind] = Case(sketch, folder, "perco", {"steps": 2})
    return made


#: Decodes every file with its folder, and then as a command.
FRESH = """
import json, pathlib, sys
import numpy as np
import gcodec
from gcodec.cli import main
from gcodec.models import ModelStore
from gcodec.run import Run
work, words = json.load(sys.stdin)
for file, folder, recon, options, out in work:
    run = Run(models=ModelStore.installed([pathlib.Path(folder)]))
    data = pathlib.Path(file).read_bytes()
    made = gcodec.decode(data, recon, options=options, model=folder, run=run)
    np.save(out, made.picture.pixels)
main(words)
"""


class Fresh(NamedTuple):
    """What another process made of the files, and of one of them as a command: its file, its picture, its answer."""

    pixels: Mapping[tuple[str, str], FloatArray]
    data: bytes
    picture: FloatArray
    answer: Mapping[str, Any]


@pytest.fixture(scope="module")
def fresh(
    cases: dict[tuple[str, str], Case],
    photo: FloatArray,
    pipeline: Pipeline,
    tmp_path_factory: pytest.TempPathFactory,
) -> Fresh:
    root, work = tmp_path_factory.mktemp("fresh"), []
    for (embedding, kind), case in cases.items():
        file, out = root / f"{embedding}-{kind}.gcx", root / f"{embedding}-{kind}.npy"
        file.write_bytes(case.data)
        work.append([str(file), str(case.folder), case.recon, dict(case.options), str(out)])
    folder, file, there = pipeline("perco"), root / "photo.gcx", root / "there.png"
    sender = ["encode", save(photo, root), "--embed", "perco", "--model", folder, "--text", WORDS]
    with pytest.raises(SystemExit, match="0"):
        main([*map(str, sender)])
    (root / "photo.png").unlink()
    receiver = ["decode", file, "--recon", "perco", "--models", folder, "--model", folder]
    receiver += ["--steps", 2, "--guidance", 3, "--memory", "low", "--json", "-o", there]
    done = subprocess.run(
        [sys.executable, "-c", FRESH],
        input=json.dumps([work, [*map(str, receiver)]]).encode(),
        check=True,
        timeout=250,
        stdout=subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if k != "GCODEC_MODELS"},
    )
    return Fresh(
        {key: np.load(job[-1]) for key, job in zip(cases, work, strict=True)},
        file.read_bytes(),
        np.asarray(Image.open(there), np.float32).transpose(2, 0, 1) / 255,
        json.loads(done.stdout),
    )


def save(photo: FloatArray, folder: Path) -> Path:
    octets = np.rint(photo.transpose(1, 2, 0) * 255).astype(np.uint8)
    Image.fromarray(octets).save(folder / "photo.png")
    return folder / "photo.png"


@pytest.mark.parametrize(
    ("embedding", "kind"),
    [("diffc", "perco"), *product(("ldm_quant", "text_sketch", "perco"), KINDS)],
)
def test_every_embedding_goes_through_every_architecture(
    cases: dict[tuple[str, str], Case],
    fresh: Fresh,
    photo: FloatArray,
    embedding: str,
    kind: str,
) -> None:
    """The picture of another process is that of this one, and not what one more step of the network makes."""
    case, found = cases[embedding, kind], fresh.pixels[embedding, kind]
    here = case.decode()
    assert found.shape == photo.shape and np.isfinite(found).all()
    np.testing.assert_allclose(found, here.picture.pixels, atol=5e-3)
    if embedding == "perco":
        other = case.decode(case.recon, **{**case.options, "steps": case.options["steps"] + 1})
        assert np.abs(other.picture.pixels - found).max() > 1e-4
    place = place_of(ModelStore().find(str(case.folder)), ModelStore())
    assert place is not None
    ways = {
        "diffc": f"noisy/{place.space}",
        "ldm_quant": f"latent/{place.space}",
        "text_sketch": "sketch" if kind in DRAWN else "preview",
        "perco": f"tokens/{place.codebooks[0].name}"
        if kind == "perco"
        else "tokens/base-16 -> preview",
    }
    assert here.path.explain().startswith(ways[embedding])


@pytest.mark.parametrize("kind", KINDS)
def test_a_quantized_latent_is_the_pictures_to_half_a_bin(
    cases: dict[tuple[str, str], Case], photo: FloatArray, kind: str
) -> None:
    """Of 4 or 16 channels, in the units of the pipeline; nobody trained an entropy model for it."""
    case = cases["ldm_quant", kind]
    run = Run(models=ModelStore.installed([case.folder]))
    (latent,) = open_stage1(case.data, run=run).signals()
    space = open_space(run.models.find(str(case.folder)), run)
    assert isinstance(latent, Latent) and latent.space == space.name
    true = space.encode(photo)
    assert float(np.abs(latent.values - true).max()) < 0.501 * latent.step
    fine = encoded(photo, "ldm_quant", case.folder, target=gcodec.Target(quality=1.0))
    assert len(case.data) < len(fine) < true.nbytes / 4
    preview = gcodec.decode(fine, "preview", run=run).picture.pixels
    whole = space.decode(true, Size(*photo.shape[1:]))
    assert psnr(whole, preview) > 20


def test_tokens_of_the_pipelines_own_codebook(
    cases: dict[tuple[str, str], Case], photo: FloatArray
) -> None:
    """Fixed length: 42 tokens of 4 bits, whatever the quality; the receiver's are the sender's, and lead its network."""
    case = cases["perco", "perco"]
    run = Run(models=ModelStore.installed([case.folder]))
    place = place_of(ModelStore().find(str(case.folder)), ModelStore())
    assert place is not None
    tokens, text = open_stage1(case.data, run=run).signals()
    assert isinstance(tokens, Tokens) and isinstance(text, Text) and text.value == WORDS
    book = open_codebook(run.models.find(place.codebooks[0].model), run)
    space = open_space(run.models.find(place.autoencoder), run)
    np.testing.assert_array_equal(tokens.indices, book.quantize(space.encode(photo)))
    assert tokens.space == place.codebooks[0].name and tokens.indices.shape == (6, 7)
    plain = encoded(photo, "perco", case.folder)
    assert plain == encoded(photo, "perco", case.folder, target=gcodec.Target(quality=1.0))
    # 21 bytes of tokens; a digest takes 8 more than a profile's number.
    assert len(plain) == 21 + 12 + 8
    assert gcodec.verify(case.data, run=run)["symbols"]
    for made in (case.decode("latent_flow"), case.decode("hfd"), gcodec.decode(case.data, run=run)):
        assert made.path.explain().startswith(f"tokens/{place.codebooks[0].name}")


def test_what_perco_was_not_trained_for_says_so(
    cases: dict[tuple[str, str], Case], photo: FloatArray, pipeline: Pipeline
) -> None:
    """One line, with the way out: its network was never without tokens."""
    folder, latent = pipeline("perco"), cases["ldm_quant", "perco"]
    with pytest.raises(UsageError, match=r"sees tokens beside every x_t.*--companion"):
        encoded(photo, "diffc", folder)
    for case, recon in ((latent, "relic"), (cases["perco", "perco"], "dps")):
        with pytest.raises(UsageError, match="sees tokens beside every x_t"):
            case.decode(recon)
    # What a picture says of the latent says its tokens too.
    jpeg = Case(encoded(photo, "jpeg", None), folder, "hfd", {"steps": 2})
    assert jpeg.decode().path.explain() == "preview"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "perco"])
def test_pipelines_without_a_hyper_encoder_have_no_tokens(
    photo: FloatArray, pipeline: Pipeline, kind: str
) -> None:
    with pytest.raises(ModelDamaged, match=r"no hyper-encoder, and so no tokens; encode without"):
        encoded(photo, "perco", pipeline(kind))


def test_predicted_means_take_a_trained_entropy_model(
    photo: FloatArray, pipeline: Pipeline
) -> None:
    with pytest.raises(ModelDamaged, match=r"not an entropy model of latents.*StableDiffusion3"):
        encoded(photo, "rate_variable", pipeline("sd3"))


def command(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """Exit status, and what was said."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, words)])
    return int(ended.value.code or 0), capsys.readouterr().err.strip()


def test_from_the_command_line(fresh: Fresh, pipeline: Pipeline) -> None:
    """PerCo(SD) as its users run it: the receiver is another process, and has the folder and the file."""
    assert len(fresh.data) < 60 and fresh.answer["path"].startswith("tokens/vq-")
    options = {"steps": 2, "guidance": 3.0}
    here = Case(fresh.data, pipeline("perco"), "perco", options).decode().picture.pixels
    np.testing.assert_allclose(fresh.picture, here, atol=1.5 / 255)


@pytest.mark.parametrize(
    ("kind", "embedding", "status", "reason"),
    [("sdxl", "perco", 9, "no hyper-encoder"), ("perco", "diffc", 2, "sees tokens beside")],
)
def test_a_refusal_is_one_line_and_its_own_exit_status(
    photo: FloatArray,
    pipeline: Pipeline,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    embedding: str,
    status: int,
    reason: str,
) -> None:
    saved = save(photo, tmp_path)
    words = ["encode", saved, "--embed", embedding, "--model", pipeline(kind)]
    found, said = command(capsys, *words)
    assert found == status and reason in said and len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [saved]


def test_precision_and_memory_reach_the_networks_from_the_command_line(
    cases: dict[tuple[str, str], Case],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What --dtype and --memory say is what the U-Net is loaded in, and how it attends."""
    loaded, load = [], components.load_unet

    def spy(cls: Any, folder: Path, dtype: torch.dtype) -> Any:
        loaded.append((load(cls, folder, dtype), dtype))
        return loaded[-1][0]

    monkeypatch.setattr(components, "load_unet", spy)
    components._network.cache_clear()
    case = cases["ldm_quant", "sd15"]
    (tmp_path / "photo.gcx").write_bytes(case.data)
    words = ["decode", tmp_path / "photo.gcx", "--recon", "cdc", "--steps", "1"]
    words += ["--models", case.folder, "--model", case.folder]
    for more in (["--dtype", "bfloat16"], ["--memory", "low", "--force"]):
        status, said = command(capsys, *words, "-o", tmp_path / "out.png", *more)
        assert status == 0, said
    (half, precision), (spare, whole) = loaded
    assert (precision, whole) == (torch.bfloat16, torch.float32)
    assert half.dtype == torch.bfloat16
    sliced = [{"Sliced" in type(p).__name__ for p in n.attn_processors.values()} for n, _ in loaded]
    assert sliced == [{False}, {True}] and spare.dtype == torch.float32
