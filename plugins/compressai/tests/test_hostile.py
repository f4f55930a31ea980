"""Payloads that no encoder made, and checkpoints and folders that are not what they should be: one line each."""

from __future__ import annotations

import json
import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from compressai_models import SMALL, picture, save, state

import gcodec
from gcodec.errors import ModelDamaged, ModelError, PayloadError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.models import Model, ModelStore
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_compressai.convert import write_folder
from gcodec_compressai.embedding import CompressAI
from gcodec_compressai.library import library
from gcodec_compressai.recording import recorded

pytestmark = pytest.mark.filterwarnings("ignore:.*ntc. codes with it too")
OPTIONS = {"arch": "", "arguments": "", "check": False}


def opened(folder: Path) -> Embedding:
    return CompressAI(Setup(Run(), OPTIONS, Model("a test", "0" * 64, folder)))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model folders by architecture."""
    made = tmp_path_factory.mktemp("models")
    for architecture in ("mbt2018-mean", "mbt2018", "elic2022-official", "mbt2018-mean-vbr"):
        path = save(made, architecture, gain=16)
        write_folder([path], made / architecture, "test", architecture, SMALL[architecture])
    return made


@pytest.mark.parametrize(
    "architecture", ["mbt2018-mean", "elic2022-official", "mbt2018", "mbt2018-mean-vbr"]
)
def test_payloads_end_in_a_picture_or_in_payload_error(architecture: str, folders: Path) -> None:
    embedding, size = opened(folders / architecture), Size(33, 40)
    (good,) = embedding.encode(embedding.analyse(picture(*size).pixels), 1.0)
    assert isinstance(embedding.decode((good,), size)[0], Preview)
    rng = np.random.default_rng(0)
    slow = architecture == "mbt2018"
    bad = [
        b"",
        good[:1],
        good[:3],
        good[: len(good) // 2],
        good[:-1],
        good + b"\0",
        b"\xff" * 40,
        bytes(12),
    ]
    for _ in range(2 if slow else 20):
        bent = bytearray(good)
        bent[rng.integers(len(bent))] ^= 1 << int(rng.integers(8))
        bad.append(bytes(bent))
    bad += [bytes(rng.integers(0, 256, n, np.uint8)) for n in ((60,) if slow else (2, 9, 60, 300))]
    refused = 0
    for payload in bad:
        try:
            ((preview),) = embedding.decode((payload,), size)
        except PayloadError as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            assert preview.pixels.shape == (3, *size) and np.isfinite(preview.pixels).all()
    assert refused >= 1
    for layers in ((), (good, good)):
        with pytest.raises(PayloadError, match="layers"):
            embedding.decode(layers, size)


def test_a_length_has_one_form(folders: Path) -> None:
    embedding, size = opened(folders / "mbt2018-mean"), Size(64, 64)
    (good,) = embedding.encode(embedding.analyse(picture(*size).pixels), 1.0)
    assert good[1] < 128
    longer = good[:1] + bytes([good[1] | 128, 0]) + good[2:]
    with pytest.raises(PayloadError, match="shortest"):
        embedding.decode((longer,), size)


def test_a_string_that_is_cut_is_read_as_with_zeros_behind() -> None:
    """Not as whatever lies behind it in memory; and of one stream no more is read than there can be."""
    library()
    from compressai import ans

    cdf, sizes, offsets = [[0, 30000, 65535, 65536]], [4], [0]
    symbols = [0, 1, 1, 0, 5, -7] * 500
    indexes = [0] * len(symbols)
    data = ans.RansEncoder().encode_with_indexes(symbols, indexes, cdf, sizes, offsets)
    rest = indexes, cdf, sizes, offsets
    with recorded(4000) as found:
        decoder = ans.RansDecoder()
        assert decoder.decode_with_indexes(data, *rest) == symbols
        cut = decoder.decode_with_indexes(data[:40], *rest)
        assert cut == decoder.decode_with_indexes(data[:40] + bytes(4000), *rest)
        assert decoder.decode_with_indexes(b"", *rest) == decoder.decode_with_indexes(
            bytes(999), *rest
        )
        decoder.set_stream(data)
        assert decoder.decode_stream(*rest) == symbols
        with pytest.raises(PayloadError, match="more than 4000"):
            decoder.decode_stream(*rest)
    assert len(found.all("read")) == 6 * len(symbols)


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        embedding = opened(folder)
        embedding.encode(embedding.analyse(picture(20, 20).pixels), 0.5)
    assert "\n" not in str(caught.value)
    return str(caught.value)


CONFIGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no networks": lambda config: config.pop("networks"),
    "none": lambda config: config.update(networks=[]),
    "words": lambda config: config.update(networks=["a"]),
    "many rates": lambda config: config["networks"][0].update(rates=1000),
    "another file": lambda config: config["networks"][0].update(file="../../etc/passwd"),
    "no file": lambda config: config["networks"][0].update(file="9.safetensors"),
    "another class": lambda config: config["networks"][0].update(architecture="mbt2018"),
    "unknown class": lambda config: config["networks"][0].update(architecture="elic2099"),
    "no module": lambda config: config["networks"][0].update(architecture="no.such:Class"),
    "no codec": lambda config: config["networks"][0].update(architecture="collections:OrderedDict"),
    "no name": lambda config: config["networks"][0].update(architecture="collections:"),
    "other sizes": lambda config: config["networks"][0].update(arguments={"N": 9, "M": 12}),
    "no arguments": lambda config: config["networks"][0].update(arguments={"Q": 9}),
    "no multiple": lambda config: config["networks"][0].pop("multiple"),
    "zero": lambda config: config["networks"][0].update(multiple=0),
    "shape": lambda config: config["networks"][0].update(shape=["h7", "w7"]),
    "shape word": lambda config: config["networks"][0].update(shape=["x", "y"]),
    "strings": lambda config: config["networks"][0].update(strings=[[None]]),
    "class": lambda config: config.update(_class_name="AutoencoderKL"),
}


@pytest.mark.parametrize("what", CONFIGS)
def test_a_folder_that_says_something_else(what: str, folders: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(folders / "mbt2018-mean", folder)
    config = json.loads((folder / "config.json").read_text())
    CONFIGS[what](config)
    (folder / "config.json").write_text(json.dumps(config))
    refused(folder)


@pytest.mark.parametrize(
    "what", ["nan", "missing", "more", "shape", "falling", "open", "short", "far"]
)
def test_weights_and_tables_that_are_not_sound(what: str, folders: Path, tmp_path: Path) -> None:
    """Tables above all: the coder follows them out of its memory."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(folders / "mbt2018-mean", folder)
    tensors = load_file(folder / "0.safetensors")
    cdf, length = (f"entropy_bottleneck.{name}" for name in ("_quantized_cdf", "_cdf_length"))
    if what == "nan":
        tensors["g_a.0.weight"][0] = float("nan")
    elif what == "missing":
        del tensors["g_a.0.bias"]
    elif what == "more":
        tensors["g_a.99.bias"] = torch.ones(3)
    elif what == "shape":
        tensors["g_a.0.bias"] = torch.ones(3)
    elif what == "falling":
        tensors[cdf][2, 1:3] = tensors[cdf][2, 1:3].flip(0)
    elif what == "open":
        tensors[cdf][0, tensors[length][0] - 1] = 65535
    elif what == "short":
        tensors[length][1] = 10**6
    else:
        tensors["gaussian_conditional._offset"][0] = -(10**9)
    save_file(tensors, folder / "0.safetensors")
    said = refused(folder)
    assert ("tables" in said) == (what in ("falling", "open", "short", "far"))


class Evil:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_checkpoints_that_are_none(tmp_path: Path, cache: Path, own: str) -> None:
    ran = tmp_path / "ran"
    good = state("mbt2018-mean")
    contents: list[tuple[object, str]] = [
        ({"weight": Evil(ran)}, ""),
        ([1, 2], ""),
        ({"state_dict": 4}, ""),
        ({k: v.to("meta") for k, v in good.items()}, ""),
        ({k: v.to_sparse() if v.ndim == 4 else v for k, v in good.items()}, ""),
        ({k: v * 1j if v.is_floating_point() else v for k, v in good.items()}, ""),
        ({"conv.weight": torch.ones(3)}, ""),
        ({k: v for k, v in good.items() if "h_s" not in k}, ""),
        ({**good, "g_a.0.weight": good["g_a.0.weight"] * float("inf")}, ""),
        (good, "elic2022-official"),
        (good, "stf"),
        (good, "no_such_module:Class"),
        (good, f"{own}:Plain"),
        (good, f"{own}:Mine"),
        (good, "antigravity"),
    ]
    for number, (content, arch) in enumerate(contents):
        path = tmp_path / f"mbt2018-mean-{number}.pth.tar"
        torch.save(content, path)
        with pytest.raises(ModelDamaged) as caught:
            options = {"arch": arch, "check": False}
            gcodec.encode(picture(20, 20), "compressai", model=str(path), options=options)
        assert "\n" not in str(caught.value), number
    for data in (b"", b"PK\x03\x04" + bytes(40), pickle.dumps(Evil(ran)), b"words" * 9):
        path = tmp_path / "mbt2018-mean-x.pth"
        path.write_bytes(data)
        with pytest.raises(ModelDamaged):
            gcodec.encode(picture(20, 20), "compressai", model=str(path))
    assert not ran.exists()
    assert not list(ModelStore.installed().folders) and not list(cache.glob("*/compressai*"))


def test_what_is_refused_is_not_recommended_to_ntc(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "mbt2018-mean-1.pth.tar"
    torch.save({"conv.weight": torch.ones(3)}, path)
    with warnings.catch_warnings(), pytest.raises(ModelDamaged):
        warnings.simplefilter("error")
        gcodec.encode(picture(20, 20), "compressai", model=str(path))
