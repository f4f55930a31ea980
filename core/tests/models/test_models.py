"""The model store: what a digest is, who is found, and who is refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from support import lay

from gcodec.errors import ModelDamaged, ModelMissing
from gcodec.models import Model, ModelStore, folder_digest
from gcodec.plugin import ModelSpec

WEIGHTS = "diffusion_pytorch_model.safetensors"

#: Not weights, but bytes whose digest can be worked out by hand.
FILES = {
    "config.json": b'{"a": 1}\n',
    "decoder/diffusion_pytorch_model.safetensors": b"\0\1\2",
    "vae.safetensors": b"",
}
GOLDEN = "023b3ba43912112002c17dc6ea774e7a30387a7b8c4a6d18738afe832cfad29a"


def model_folder(folder: Path, gain: float = 1.0) -> Path:
    """A real model: one number, and a configuration."""
    lay(folder, {"config.json": b'{"kind": "gain"}', "README.md": b"# Gain\n"})
    save_file({"gain": np.array([gain], np.float32)}, folder / WEIGHTS)
    return folder


def package(site: Path, folder: Path, digest: str | None = None) -> ModelSpec:
    """The spec of a model that lies in the importable package `acme_weights`."""
    return ModelSpec(
        "acme/gain",
        digest or folder_digest(folder),
        "acme_weights:models/gain",
        "a gain",
        "CC0-1.0",
    )


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    inside = model_folder(tmp_path / "site" / "acme_weights" / "models" / "gain")
    (tmp_path / "site" / "acme_weights" / "__init__.py").write_text(
        "raise RuntimeError('imported')"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("GCODEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GCODEC_MODELS", raising=False)
    return package(tmp_path / "site", inside)


@pytest.fixture
def damaged(spec: ModelSpec, tmp_path: Path) -> Path:
    """Change one bit of the installed weights; return the folder."""
    folder = tmp_path / "site" / "acme_weights" / "models" / "gain"
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    return folder


def test_the_digest_is_the_documented_one(tmp_path: Path) -> None:
    lay(tmp_path, FILES)
    by_hand = hashlib.sha256()
    for name in ("config.json", "decoder/diffusion_pytorch_model.safetensors", "vae.safetensors"):
        by_hand.update(name.encode() + b"\0")
        by_hand.update(len(FILES[name]).to_bytes(8, "little") + FILES[name])
    assert folder_digest(tmp_path) == by_hand.hexdigest() == GOLDEN


def test_cards_and_licences_are_not_part_of_it(tmp_path: Path) -> None:
    lay(tmp_path, {**FILES, "README.md": b"# Card", "LICENSE": b"...", "recipe.toml": b"x = 1"})
    assert folder_digest(tmp_path) == GOLDEN


@pytest.mark.parametrize(
    "change",
    [
        {"config.json": b'{"a": 2}\n'},
        {"vae.safetensors": b"\0"},
        {"decoder/extra.json": b""},
        {"decoder/diffusion_pytorch_model.safetensors": b"\0\1\3"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_configuration_and_weight_is(tmp_path: Path, change: dict[str, bytes]) -> None:
    assert folder_digest(lay(tmp_path, {**FILES, **change})) != GOLDEN


def test_a_file_moved_to_another_folder_is_another_model(tmp_path: Path) -> None:
    files = dict(FILES)
    files["encoder/diffusion_pytorch_model.safetensors"] = files.pop(
        "decoder/diffusion_pytorch_model.safetensors"
    )
    assert folder_digest(lay(tmp_path, files)) != GOLDEN


@pytest.mark.parametrize("files", [{}, {"config.json": b"{}"}], ids=["empty", "no weights"])
def test_a_folder_without_weights_is_no_model(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ModelDamaged, match=r"holds no \.safetensors file"):
        folder_digest(lay(tmp_path, files))


def test_a_file_whose_name_is_not_utf8_counts_by_the_bytes_of_its_name(tmp_path: Path) -> None:
    folder = lay(tmp_path, {"model.safetensors": b"x"})
    (folder / "model.safetensors").rename(folder / os.fsdecode(b"\xff.safetensors"))
    length = (1).to_bytes(8, "little")
    expected = hashlib.sha256(b"\xff.safetensors\0" + length + b"x").hexdigest()
    assert folder_digest(folder) == expected


def test_an_installed_model_is_found_by_name_and_digest_without_importing_its_package(
    spec: ModelSpec,
) -> None:
    store = ModelStore((spec,))
    for wanted in (spec.name, spec.digest, spec.digest[:16], spec.digest[:16].upper()):
        found = store.find(wanted)
        assert (found.name, found.digest, found.licence) == ("acme/gain", spec.digest, "CC0-1.0")
        assert found.tensors()["gain"].tolist() == [1.0]
        assert found.config == {"kind": "gain"}


def test_what_a_model_lacks_is_said_with_the_file_that_lacks_it(tmp_path: Path) -> None:
    lay(tmp_path, {**FILES, "config.json": b'{"network": {"width": 3}}'})
    save_file({"gain": np.ones(1, np.float32)}, tmp_path / "gain.safetensors")
    model = Model("acme/gain", "", tmp_path)
    asked: dict[str, Callable[[], object]] = {
        "its config.json has no 'transform'": lambda: model.config["transform"],
        "its config.json has no 'height'": lambda: model.config["network"]["height"],
        "its gain.safetensors has no 'loss'": lambda: model.tensors("gain.safetensors")["loss"],
        "it has no 'loss'": lambda: dict(model.tensors("gain.safetensors"))["loss"],
        "'int' object is not iterable": lambda: list(model.config["network"]["width"]),
    }
    for text, ask in asked.items():
        with (
            pytest.raises(ModelDamaged, match=f"^model acme/gain: not the gain of `acme`: {text}$"),
            model.taken_as("the gain of `acme`"),
        ):
            ask()
    with model.taken_as("the gain of `acme`"):
        assert model.config == {"network": {"width": 3}}
        assert model.config.get("transform") is None


def test_both_libraries_read_the_same_weights(spec: ModelSpec) -> None:
    torch = pytest.importorskip("torch")
    found = ModelStore((spec,)).find(spec.name)
    tensor = found.torch_tensors()["gain"]
    assert tensor.dtype == torch.float32
    assert tensor.numpy().tolist() == found.tensors()["gain"].tolist()


def test_weights_that_are_not_what_the_digest_says_are_refused(
    spec: ModelSpec, damaged: Path
) -> None:
    with pytest.raises(ModelDamaged) as caught:
        ModelStore((spec,)).find(spec.name)
    assert caught.value.model == "acme/gain"
    assert spec.digest[:16] in str(caught.value)
    assert folder_digest(damaged)[:16] in str(caught.value)


def test_a_package_that_lost_its_folder_is_told(spec: ModelSpec, tmp_path: Path) -> None:
    (tmp_path / "site" / "acme_weights" / "models").rename(tmp_path / "gone")
    with pytest.raises(ModelMissing, match="acme_weights does not hold models/gain"):
        ModelStore((spec,)).find(spec.name)


def test_a_package_that_is_not_installed_is_told(spec: ModelSpec) -> None:
    elsewhere = ModelSpec("x/y", spec.digest, "no_such_package:models/y", "", "")
    with pytest.raises(ModelMissing, match="no_such_package"):
        ModelStore((elsewhere,)).find("x/y")


@pytest.mark.parametrize("wanted", ["acme/other", "0" * 16, "a" * 64, "", "\0", "a" * 5000, "../x"])
def test_an_unknown_model_comes_with_advice(
    spec: ModelSpec, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")  # beside which nothing is called x
    with pytest.raises(ModelMissing) as caught:
        ModelStore((spec,)).find(wanted)
    assert caught.value.model == wanted
    assert "--models" in caught.value.advice


def test_fewer_digits_than_travel_in_a_file_are_not_a_digest(spec: ModelSpec) -> None:
    with pytest.raises(ModelMissing):
        ModelStore((spec,)).find(spec.digest[:15])


@pytest.mark.parametrize("length", [16, 17, 40, 64])
def test_every_digit_of_a_digest_counts(spec: ModelSpec, tmp_path: Path, length: int) -> None:
    """Of an installed model and of a folder: one that differs in the last digit asked for is another model."""
    folder = model_folder(tmp_path / "mine", gain=2.0)
    store = ModelStore((spec,), (folder,))
    for digest in (spec.digest, folder_digest(folder)):
        assert store.find(digest[:length]).digest == digest
        last = "0" if digest[length - 1] != "0" else "1"
        with pytest.raises(ModelMissing):
            store.find(digest[: length - 1] + last)


def test_a_pipeline_is_what_its_index_says_and_another_model_what_its_config_does(
    tmp_path: Path,
) -> None:
    model = Model("x", "", model_folder(tmp_path / "x"))
    (model.folder / "config.json").write_text('{"architectures": ["Blip", "Other"]}')
    assert model.class_name == "Blip"
    (model.folder / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    assert model.class_name == "StableDiffusionPipeline"
    for file in ("config.json", "model_index.json"):
        (model.folder / file).unlink()
    assert model.class_name is None


def test_a_folder_of_the_user_is_found_by_its_digest(spec: ModelSpec, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "mine", gain=2.0)
    digest = folder_digest(folder)
    store = ModelStore((spec,), (folder,))
    for wanted in (digest, digest[:16]):
        found = store.find(wanted)
        assert (found.digest, found.folder) == (digest, folder)
        assert found.tensors()["gain"].tolist() == [2.0]


def test_a_folder_is_found_by_its_path(spec: ModelSpec, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "mine", gain=2.0)
    assert ModelStore((spec,)).find(str(folder)).digest == folder_digest(folder)


def test_a_process_elsewhere_is_told_the_absolute_path_of_a_folder_and_the_rest_as_it_is(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder(tmp_path / "mine", gain=2.0)
    for name in ("near", spec.name, spec.digest):
        model_folder(tmp_path / "here" / name)
    monkeypatch.chdir(tmp_path / "here")
    store = ModelStore((spec,), (folder,))
    # A name or a digest means the model that is called so, whatever lies in the working folder.
    for wanted in (spec.name, spec.digest, "mine", "acme/nowhere", ""):
        assert store.anywhere(wanted) == wanted
    assert store.anywhere("near") == str(tmp_path / "here" / "near")


def test_a_folder_of_the_user_is_found_by_its_own_name(spec: ModelSpec, tmp_path: Path) -> None:
    folders = model_folder(tmp_path / "first", gain=2.0), model_folder(tmp_path / "second")
    assert ModelStore((spec,), folders).find("second").folder == folders[1]
    with pytest.raises(ModelMissing):
        ModelStore((spec,), folders[:1]).find("second")
    digit = model_folder(tmp_path / ("ab" * 8))
    with pytest.raises(ModelMissing):
        ModelStore((spec,), (digit,)).find(digit.name)


def test_a_digest_never_finds_a_folder_that_only_has_its_name(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a file could be decoded, wrongly, with whatever lies in the working folder."""
    monkeypatch.chdir(tmp_path)
    model_folder(tmp_path / ("ab" * 8), gain=3.0)
    with pytest.raises(ModelMissing):
        ModelStore((spec,)).find("ab" * 8)


def test_folders_come_from_the_environment_too(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: object
) -> None:
    first = model_folder(tmp_path / "first", gain=2.0)
    second = model_folder(tmp_path / "second", gain=3.0)
    monkeypatch.setenv("GCODEC_MODELS", f"{first}:{second}")
    store = ModelStore.installed()
    assert store.find(folder_digest(second)).folder == second
    assert store.find(folder_digest(first)[:16]).folder == first


def test_a_good_copy_of_the_user_stands_in_for_a_damaged_installation(
    spec: ModelSpec, damaged: Path, tmp_path: Path
) -> None:
    """The user's folders come first, and a digest means the same weights wherever they lie."""
    copy = model_folder(tmp_path / "copy")
    assert ModelStore((spec,), (copy,)).find(spec.digest).folder == copy


def test_a_folder_without_weights_is_told_when_it_is_looked_into(
    spec: ModelSpec, tmp_path: Path
) -> None:
    store = ModelStore((spec,), (tmp_path / "nowhere",))
    with pytest.raises(ModelDamaged, match="nowhere"):
        store.find("b" * 16)


def test_weights_are_hashed_once(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def digest(folder: Path) -> str:
        asked.append(folder)
        return folder_digest(folder)

    monkeypatch.setattr("gcodec.models.store.folder_digest", digest)
    store = ModelStore((spec,))
    for _ in range(3):
        store.find(spec.name)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (WEIGHTS, b"", WEIGHTS),
        (WEIGHTS, b"\xff" * 100, WEIGHTS),
        (WEIGHTS, b'\x05\0\0\0\0\0\0\0{"a":', WEIGHTS),
        (WEIGHTS, None, WEIGHTS),
        ("config.json", b"{", "config.json"),
        ("config.json", b"[1]", "does not hold an object"),
        ("config.json", b"\xff\xfe", "config.json"),
        ("config.json", None, "config.json"),
    ],
)
def test_files_that_cannot_be_read_are_told_in_one_line(
    tmp_path: Path, name: str, data: bytes | None, words: str
) -> None:
    folder = model_folder(tmp_path)
    if data is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(data)
    model = Model("acme/gain", "0" * 64, folder)
    with pytest.raises(ModelDamaged) as caught:
        if name == WEIGHTS:
            model.tensors()
        else:
            assert model.config
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    """Weights in any other form than safetensors do not exist for the store."""
    import pickle

    (tmp_path / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps({"gain": [1.0]}))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelDamaged, match=r"holds no \.safetensors file"):
        ModelStore().find(str(tmp_path))


PIPELINE = {
    "model_index.json": b'{"_class_name": "P", "unet": ["diffusers", "U"], "tokenizer": ["transformers", "T"]}',
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": b"\0\1\2",
    "tokenizer/tokenizer_config.json": b"{}",
    "tokenizer/spiece.model": b"words",
    "empty_prompt.safetensors": b"\3",
}
STRAY = {
    "unet/diffusion_pytorch_model.fp16.safetensors": b"\0\1",
    "unet/pytorch_lora_weights.safetensors": b"\7",
    "pytorch_lora_weights.safetensors": b"\7",
    "v1-5-pruned.safetensors": b"\7",
    "safety_checker/model.safetensors": b"\7",
    "notes.json": b"{}",
    "README.md": b"# Card",
}


def test_what_a_pipeline_does_not_need_changes_nothing(tmp_path: Path) -> None:
    plain = folder_digest(lay(tmp_path / "plain", PIPELINE))
    assert folder_digest(lay(tmp_path / "full", PIPELINE | STRAY)) == plain
    for name in PIPELINE:
        if name != "model_index.json":
            changed = PIPELINE | {name: PIPELINE[name] + b" "}
            assert folder_digest(lay(tmp_path / name.replace("/", "-"), changed)) != plain, name


def test_a_half_precision_copy_beside_a_network_changes_nothing(tmp_path: Path) -> None:
    network = {"config.json": b"{}", WEIGHTS: b"\1"}
    plain = folder_digest(lay(tmp_path / "plain", network))
    for stray in ("diffusion_pytorch_model.fp16.safetensors", "pytorch_lora_weights.safetensors"):
        assert folder_digest(lay(tmp_path / stray, {**network, stray: b"\2"})) == plain


def test_files_of_before_find_a_folder_with_more_in_it_than_it_needs(tmp_path: Path) -> None:
    folder = lay(tmp_path / "full", PIPELINE | STRAY)
    before = hashlib.sha256()
    for name, data in sorted((PIPELINE | STRAY).items()):
        if name.endswith((".json", ".safetensors")):
            before.update(name.encode() + b"\0" + len(data).to_bytes(8, "little") + data)
    found = ModelStore(folders=(folder,)).find(before.hexdigest()[:16])
    assert found.folder == folder and found.digest == folder_digest(folder)
    with pytest.raises(ModelMissing):
        ModelStore(folders=(folder,)).find("b" * 16)
