"""What a user may call a model: a checkpoint, a folder of them, a name of the zoo."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from compressai_models import SMALL, picture, process, save

import gcodec
from gcodec.errors import InvalidOption, ModelDamaged, ModelMissing, OutputExists, TargetTooSmall
from gcodec.models import ModelStore, folder_digest
from gcodec.models.cache import fetched
from gcodec_compressai.convert import checkpoints_in, guessed
from gcodec_compressai.finder import find, published
from gcodec_compressai.library import library

pytestmark = pytest.mark.filterwarnings("ignore:.*ntc. codes with it too")


def encode(
    model: Path | str, target: gcodec.Target | None = None, **options: object
) -> gcodec.Encoded:
    options = {"check": False, **options}
    return gcodec.encode(picture(), "compressai", model=str(model), options=options, target=target)


def test_a_folder_of_checkpoints_gives_rate_control(tmp_path: Path, cache: Path) -> None:
    """Ascending as the numbers in their names; a target takes the highest that fits; the file names all of them at once."""
    folder = tmp_path / "ladder"
    folder.mkdir()
    for quality, gain in ((2, 100.0), (9, 300.0), (10, 1000.0)):
        save(folder, "bmshj2018-factorized", f"q{quality}", gain=gain)
    sizes = [len(encode(folder, gcodec.Target(quality=q)).data) for q in (0.0, 0.5, 1.0)]
    assert sizes == sorted(set(sizes))
    ((name, digest, _),) = fetched()
    assert name == "compressai/ladder"
    for size, limit in ((sizes[0], sizes[1] - 1), (sizes[1], sizes[1]), (sizes[2], 10**6)):
        made = encode(folder, gcodec.Target(bytes=limit))
        assert len(made.data) == size
        assert gcodec.decode(made.data).picture.pixels.shape == (3, 70, 90)
        assert bytes.fromhex(digest)[:8] in made.data
    with pytest.raises(TargetTooSmall, match=f"'compressai' and this image; allow {sizes[0]},"):
        encode(folder, gcodec.Target(bytes=sizes[0] - 1))


def test_one_checkpoint_is_one_rate(tmp_path: Path) -> None:
    model = save(tmp_path, "mbt2018-mean")
    data = encode(model).data
    assert encode(model, gcodec.Target(bytes=10**6)).data == data
    assert encode(model, gcodec.Target(quality=0)).data == data
    with pytest.raises(TargetTooSmall, match=f"allow {len(data)},"):
        encode(model, gcodec.Target(bytes=len(data) - 1))


def test_a_network_of_variable_rate_is_a_dial(tmp_path: Path) -> None:
    model = save(tmp_path, "mbt2018-mean-vbr", gain=64)
    sizes = [len(encode(model, gcodec.Target(quality=q)).data) for q in (0.0, 0.5, 1.0)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_numbers_in_names_are_numbers(tmp_path: Path) -> None:
    names = ["elic-0.0018.pth", "elic-0.0035.pth", "elic-0.013.pth", "q9.pt", "q10.pt", "readme.md"]
    for name in reversed(names):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in checkpoints_in(tmp_path)] == names[:-1]


def test_a_name_tells_the_architecture() -> None:
    for name, architecture in (
        ("bmshj2018-factorized-relu-3.pth", "bmshj2018-factorized-relu"),
        ("cheng2020_attn-mse-1-465f2b64.pth.tar", "cheng2020-attn"),
        ("mbt2018-mean-vbr.pt", "mbt2018-mean-vbr"),
        ("mbt2018-1.safetensors", "mbt2018"),
    ):
        assert guessed(Path(name)) == architecture
    with pytest.raises(ModelDamaged) as caught:
        guessed(Path("checkpoint_best_loss.pth.tar"))
    assert all(
        name in str(caught.value) for name in ("--arch", "elic2022-official", "module:Class")
    )


def test_a_checkpoint_is_converted_once_and_told_about_ntc(tmp_path: Path, cache: Path) -> None:
    model = save(tmp_path, "mbt2018-mean")
    with pytest.warns(UserWarning, match="--embed ntc"):
        digest = find(str(model), False, {})
    ((name, found, folder),) = fetched()
    assert (name, found) == ("compressai/mbt2018-mean-1", digest)
    changed = (folder / "config.json").stat().st_mtime_ns
    assert find(str(model), False, {"arch": "", "arguments": ""}) == digest
    assert (folder / "config.json").stat().st_mtime_ns == changed
    assert not list((cache / "partial").iterdir())
    # From then on the name does without the file.
    assert ModelStore.installed().find("compressai/mbt2018-mean-1").digest == digest


def test_a_name_of_the_zoo_says_how_to_get_its_weights(cache: Path) -> None:
    for name, address in (
        ("mbt2018-mean-8", "/mbt2018-mean-8-8089ae3e.pth.tar"),
        ("compressai/cheng2020-attn-ms-ssim-2", "/cheng2020_attn-ms-ssim-2-5dad201d.pth.tar"),
        ("mbt2018-vbr", "/mbt2018-mse-vbr-f12581a1.pth.tar"),
    ):
        with pytest.raises(ModelMissing) as caught:
            find(name, False, {})
        plain = name.removeprefix("compressai/")
        assert f"gcodec models --fetch compressai/{plain}`" in str(caught.value)
        assert address in str(caught.value) and str(cache / "torch") in str(caught.value)
    for name in ("mbt2018-mean-9", "elic2022-official-3", "base/ntc", "", "."):
        assert find(name, False, {}) is None
    # What `ntc` fetches under the plain name is its own.
    assert find("mbt2018-mean-8", True, {}) is None
    ladder = published("mbt2018-mean")
    assert ladder is not None and len(ladder[1]) == 8


def test_weights_of_the_zoo_are_taken_from_where_compressai_keeps_them(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(tmp_path, "mbt2018-mean")
    digest = hashlib.sha256(made.read_bytes()).hexdigest()[:8]
    there = made.rename(tmp_path / f"mbt2018-mean-3-{digest}.pth.tar")
    urls = library().zoo.image.model_urls
    monkeypatch.setitem(urls, "mbt2018-mean", {"mse": {3: there.as_uri()}})
    name = "compressai/mbt2018-mean-3"
    got = find(name, True, {})
    kept = cache / "torch" / "hub" / "checkpoints" / there.name
    assert kept.is_file() and find("mbt2018-mean-3", False, {}) == got
    assert ModelStore.installed().find(name).config["networks"][0]["architecture"] == "mbt2018-mean"
    kept.write_bytes(b"something else")
    with pytest.raises(ModelDamaged, match="fetch it again"):
        find(name, False, {})
    kept.unlink()
    there.unlink()
    with pytest.raises(ModelMissing, match="does not give it"):
        find(name, True, {})


def test_what_ntc_converted_is_not_taken_for_ours(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, tmp_path / "diffusion_pytorch_model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "CompressAIModel"}))
    with pytest.raises(ModelDamaged, match="converted for `ntc`"):
        encode(tmp_path)


def test_without_a_model_it_says_what_may_be_named() -> None:
    with pytest.raises(ModelMissing, match="say which with --model"):
        gcodec.encode(picture(), "compressai")


@pytest.mark.parametrize("text", ["{", "[1]", "N=3"])
def test_arguments_are_json(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="JSON"):
        encode(save(tmp_path, "mbt2018-mean"), arguments=text)


def test_a_folder_to_hand_on(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from gcodec_compressai.__main__ import command

    model, folder = save(tmp_path, "elic2022-official"), tmp_path / "model"
    words = [str(model), str(folder), "--arguments", json.dumps(SMALL["elic2022-official"])]
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0 and folder_digest(folder) in done.stdout
    assert CliRunner().invoke(command, words).exit_code == OutputExists.exit_status
    bad = CliRunner().invoke(command, [str(model), str(tmp_path / "other")])
    assert bad.exit_code == 9 and len(bad.stderr.splitlines()) == 1 and "--arguments" in bad.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([model.name, "model"])


def test_mix_with_a_checkpoint(tmp_path: Path) -> None:
    """The decoding process has the file and the cache, no checkpoint."""
    from gcodec.pictures import save_image

    save_image(picture(), tmp_path / "photo.png")
    folder = tmp_path / "ladder"
    folder.mkdir()
    save(folder, "bmshj2018-factorized")
    done = process(
        *("gcodec", "mix", "--embed", "compressai:check=false", "--recon", "preview"),
        *(
            "--embed-model",
            folder,
            tmp_path / "photo.png",
            "-o",
            tmp_path / "out",
            "--metrics",
            "psnr",
        ),
    )
    assert done.returncode == 0, done.stderr
    assert "compressai" in done.stdout and "Error" not in done.stderr
