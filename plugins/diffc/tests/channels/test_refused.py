"""The write-once vectors of spec/vectors/refused: bits of channels, captions and heads that no sender sends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gcodec.channels import Common, Gaussian
from gcodec.entropy import captions
from gcodec.errors import ChannelError, PayloadError
from gcodec.randomness import Randomness
from gcodec_diffc import channels
from gcodec_diffc.diffc._head import Head

FOLDER = Path(__file__).parents[4] / "spec" / "vectors" / "refused"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
pytestmark = pytest.mark.skipif(not NAMES, reason="spec/ is not part of this copy")

#: What the reason says, by the vectors' word for it.
SAYS = {
    "length": "bytes (for|instead|where)|longer than any",
    "padding": "padding .*not zero",
    "dimensions": "too many|blocks of",
    "zero": "ends in a zero byte",
    "rest": "does not end where the symbols do",
    "index": "beyond the candidates|outside of the reference",
    "rank": "rank",
    "twice": "twice",
    "endless": "does not end$",
    "utf8": "not UTF-8",
    "shortest": "shortest form",
    "cut": "is empty|ends within",
    "number": "registered to nobody",
    "name": "no channel name",
}


def read(vector: dict[str, Any]) -> object:
    what, data = vector["what"], bytes.fromhex(vector.get("bits", vector.get("bytes", "")))
    if what == "caption":
        return captions.unpack(data, "test")
    if what == "head":
        return Head.unpack(data)
    common = Common(Randomness(int(vector["seed"], 16)), vector["step"])
    if what == "dithered":
        reference = channels.Logistic(*(np.array(vector[k]) for k in ("mean", "scale", "lo", "hi")))
        return channels.Dithered(vector["width"]).replay(data, reference, common)
    channel = getattr(channels, vector["channel"].capitalize())(**vector["parameters"])
    return channel.replay(data, Gaussian.standard(vector["dimensions"]), common)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_refused_and_why(name: str) -> None:
    vector = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    with pytest.raises((ChannelError, PayloadError), match=SAYS[vector["error"]]):
        read(vector)


def test_each_reason_has_a_vector() -> None:
    said = {json.loads((FOLDER / f"{name}.json").read_text())["error"] for name in NAMES}
    assert said == set(SAYS)
