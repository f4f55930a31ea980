"""From a checkpoint to a file and back, as a user does it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from zoo_checkpoints import save

import gcodec
from gcodec.errors import ModelDamaged, ModelMissing, OutputExists, UnknownNetwork
from gcodec.models import ModelStore, folder_digest
from gcodec.models.cache import fetched
from gcodec.run import Run
from gcodec_ntc.zoo import READ, find, finder
from gcodec_ntc.zoo.__main__ import command
from gcodec_ntc.zoo.names import address, name_of


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, of this process and of those it starts."""
    monkeypatch.setenv("GCODEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GCODEC_MODELS", raising=False)
    return tmp_path / "cache"


def as_picture(pixels: np.ndarray, folder: Path) -> gcodec.Picture:
    octets = (pixels * 255).round().astype(np.uint8).transpose(1, 2, 0)
    Image.fromarray(octets).save(folder / "picture.png")
    return gcodec.load_image(folder / "picture.png")


def process(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_checkpoint_as_model_and_a_folder_for_the_receiver(
    cache: Path, tmp_path: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encoded with the file itself; decoded by a process that has only the folder made of it."""
    checkpoint, folder = save(tmp_path, "mbt2018-mean"), tmp_path / "model"
    photo, file = as_picture(picture[:, :96, :96], tmp_path), tmp_path / "photo.gcx"
    made = gcodec.encode(photo, "ntc", model=str(checkpoint), digest=True)
    assert made.quality == 0.5
    file.write_bytes(made.data)
    converted = CliRunner().invoke(command, [str(checkpoint), str(folder)])
    assert converted.exit_code == 0 and folder_digest(folder) in converted.stdout

    monkeypatch.setenv("GCODEC_CACHE", str(tmp_path / "elsewhere"))
    done = process("gcodec", "verify", file, "--models", folder, "--threads", "2", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["proved"] and report["model"] == folder_digest(folder)
    with pytest.raises(ModelMissing):
        gcodec.decode(made.data)
    run = Run(models=ModelStore((), (folder,)))
    decoded = gcodec.decode(made.data, run=run).picture.pixels
    assert decoded.shape == (3, 96, 96) and decoded.std() > 0
    # The folder goes by its own name as well, and makes the same file.
    assert gcodec.encode(photo, "ntc", model="model", digest=True, run=run).data == made.data


@pytest.mark.parametrize("family", ["bmshj2018-factorized", "mbt2018-mean"])
def test_size_targets_are_met(family: str, cache: Path, tmp_path: Path, picture) -> None:
    model, photo = str(save(tmp_path, family)), as_picture(picture, tmp_path)
    whole = gcodec.encode(photo, "ntc", model=model)
    assert whole.quality == 0.5
    for share in (0.7, 1.2):
        limit = int(share * len(whole.data))
        made = gcodec.encode(photo, "ntc", model=model, target=gcodec.Target(bytes=limit))
        assert 0.9 * limit < len(made.data) <= limit
        assert (made.quality > 0.5) == (share > 1)


def test_a_checkpoint_is_converted_once(cache: Path, tmp_path: Path) -> None:
    checkpoint = save(tmp_path, "bmshj2018-hyperprior")
    digest = find(str(checkpoint), False)
    ((name, found, folder),) = fetched()
    assert (name, found) == ("bmshj2018-hyperprior-1", digest)
    assert "BSD" in (folder / "README.md").read_text()
    changed = (folder / "config.json").stat().st_mtime_ns
    assert find(str(checkpoint), False) == digest
    assert (folder / "config.json").stat().st_mtime_ns == changed
    assert not list((cache / "partial").iterdir())
    # From now on the name does without the file.
    assert ModelStore.installed().find("bmshj2018-hyperprior-1").digest == digest


def test_a_failed_conversion_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "mbt2018-mean-1.pth.tar"
    checkpoint.write_bytes(b"no checkpoint")
    with pytest.raises(ModelDamaged):
        find(str(checkpoint), False)
    assert not cache.exists()
    done = CliRunner().invoke(command, [str(checkpoint), str(tmp_path / "folder")])
    assert done.exit_code == ModelDamaged.exit_status
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.name]


def test_a_folder_is_never_overwritten(tmp_path: Path) -> None:
    checkpoint, folder = save(tmp_path, "mbt2018-mean"), tmp_path / "mine"
    folder.mkdir()
    done = CliRunner().invoke(command, [str(checkpoint), str(folder)])
    assert done.exit_code == OutputExists.exit_status
    assert not list(folder.iterdir())


def test_a_name_of_the_zoo_says_how_to_get_it(cache: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        find("mbt2018-mean-8", False)
    assert "gcodec models --fetch mbt2018-mean-8" in str(caught.value)
    assert "/mbt2018-mean-8-8089ae3e.pth.tar" in str(caught.value)
    with pytest.raises(UnknownNetwork) as other:
        find("mbt2018-vbr-3", False)
    assert other.value.known == READ
    for wanted in ("base/ntc", "mbt2018-mean-9", "mbt2018-mean", "nothing.pth.tar", ""):
        assert find(wanted, True) is None


def test_fetching_takes_the_published_file_and_no_other(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(tmp_path, "mbt2018-mean")
    digest = hashlib.sha256(made.read_bytes()).hexdigest()[:8]
    published = made.rename(tmp_path / f"mbt2018-mean-1-{digest}.pth.tar")
    monkeypatch.setattr(finder, "address", lambda name: published.as_uri())
    model = ModelStore.installed().find(str(find("mbt2018-mean-1", True)))
    assert model.name == "mbt2018-mean-1"
    assert model.config["architecture"] == "mbt2018-mean"
    published.write_bytes(b"something else")
    with pytest.raises(ModelDamaged, match="fetch it again"):
        find("mbt2018-mean-1", True)
    published.unlink()
    with pytest.raises(ModelMissing, match="does not give it"):
        find("mbt2018-mean-1", True)
    assert not list((cache / "partial").iterdir())


def test_every_published_name_has_its_address() -> None:
    for family in set(READ) - {"bmshj2018-factorized-relu"}:
        highest = 6 if family.startswith("cheng") else 8
        for metric in ("", "-ms-ssim"):
            places = [address(f"{family}{metric}-{quality}") for quality in range(1, highest + 1)]
            assert len(set(places)) == highest
            assert address(f"{family}{metric}-{highest + 1}") is None
            for quality, place in enumerate(places, 1):
                assert place is not None
                assert name_of(place.rpartition("/")[2]) == f"{family}{metric}-{quality}"
    assert address("bmshj2018-factorized-relu-1") is None
