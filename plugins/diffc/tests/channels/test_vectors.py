"""The write-once vectors of spec/vectors/channels, read by the channels and by a reader made from spec/CHANNELS.md alone."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gcodec.channels import Common, Gaussian
from gcodec.randomness import Randomness
from gcodec_diffc import channels
from gcodec_diffc.channels import Dithered, Logistic, _zipf

ROOT = Path(__file__).resolve().parents[4]
sys.path[:0] = [str(ROOT / "core" / "tests"), str(ROOT / "plugins" / "diffc" / "tests")]

from text_channels import Reader, dithered, indices  # noqa: E402

SPEC = ROOT / "spec"
FOLDER = SPEC / "vectors" / "channels"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
DITHERED = sorted(path.stem for path in (SPEC / "vectors" / "dithered").glob("*.json"))
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="spec/ is not part of this copy")


def load(name: str) -> dict[str, Any]:
    vector: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return vector


def check(z: Any, vector: dict[str, Any]) -> None:
    z = np.asarray(z, np.float32)
    assert len(z) == vector["dimensions"]
    assert (z[:16] * float(vector["denominator"])).tolist() == vector["first"]
    assert hashlib.sha256(z.astype(vector["stored"]).tobytes()).hexdigest() == vector["sha256"]


@pytest.mark.parametrize("name", NAMES)
def test_channels_replay_the_vectors(name: str) -> None:
    vector = load(name)
    channel = getattr(channels, vector["channel"].capitalize())(**vector["parameters"])
    common = Common(Randomness(int(vector["seed"], 16)), vector["step"])
    reference = Gaussian(np.zeros(vector["dimensions"], np.float32))
    check(channel.replay(bytes.fromhex(vector["bits"]), reference, common), vector)


@pytest.mark.parametrize("name", DITHERED)
def test_dithered_replays_its_vectors_and_so_does_a_reader_made_from_the_text(name: str) -> None:
    vector = json.loads((SPEC / "vectors" / "dithered" / f"{name}.json").read_text("utf-8"))
    reference = Logistic(*(np.array(vector[key]) for key in ("mean", "scale", "lo", "hi")))
    common = Common(Randomness(int(vector["seed"], 16)), vector["step"])
    y = Dithered(vector["width"]).replay(bytes.fromhex(vector["bits"]), reference, common)
    assert (2 * y).tolist() == vector["twice"] == dithered(vector)


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_made_from_the_text_finds_the_same(name: str) -> None:
    vector = load(name)
    check(Reader(vector).read(), vector)


@pytest.mark.parametrize("sent", [[3, 9, 10, 70, 0], [8, 9, 7, 1000, 4]])
def test_a_reader_made_from_the_text_reads_escapes(sent: list[int]) -> None:
    widths = [3, 3, 3, 4, 4]
    assert indices(_zipf.encode(sent, widths, (11, 5)), widths, 11) == sent


def test_the_generator_never_writes_a_vector_again(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("channel_vectors", FOLDER / "generate.py")
    assert spec and spec.loader
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert {name for name, _ in generator.questions()} <= set(NAMES)
    for name in NAMES:
        (tmp_path / f"{name}.json").write_text("kept", encoding="utf-8")
    (tmp_path / "trellis-clamped.json").unlink()
    assert generator.write(tmp_path) == ["trellis-clamped"]
    assert (tmp_path / "trellis-plain.json").read_text(encoding="utf-8") == "kept"
    assert (tmp_path / "trellis-clamped.json").read_text() == (
        FOLDER / "trellis-clamped.json"
    ).read_text()
