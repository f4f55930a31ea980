"""The write-once vectors of spec/vectors/randomness, and the numbers that spec/RANDOMNESS.md prints."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gcodec.randomness import FIRST_PRIVATE, Domain, Randomness, __main__, _table
from gcodec.randomness._philox import MASK, split_seed

SPEC = Path(__file__).parents[3] / "spec"
TEXT = SPEC / "RANDOMNESS.md"
FOLDER = SPEC / "vectors" / "randomness"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")


def section(number):
    return re.split(r"^## ", TEXT.read_text(encoding="utf-8"), flags=re.M)[number]


@pytest.fixture(params=["numpy", "torch"])
def back_end(request, monkeypatch):
    if request.param == "torch":
        pytest.importorskip("torch")
        from gcodec.randomness import _torch

        # Torch's own operations, as on CUDA; `on("cpu")` leaves the work to NumPy.
        monkeypatch.setattr(_torch, "draw", _torch.compute)
        return lambda seed: Randomness(seed).on("cpu")
    return Randomness


@pytest.mark.parametrize("name", NAMES)
def test_vectors(name, back_end):
    vector = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    randomness = back_end(int(vector["seed"], 16))
    draw = getattr(randomness, vector["kind"])
    extent = [vector["n"]] if "n" in vector else [vector["shape"], vector["start"]]
    values = np.asarray(draw(vector["domain"], vector["a"], vector["b"], *extent))
    assert list(values.shape) == vector["answer"]
    assert (values.ravel()[:16] * float(vector["denominator"])).tolist() == vector["first"]
    stored = values.astype(vector["stored"])
    assert hashlib.sha256(stored.tobytes()).hexdigest() == vector["sha256"]


def test_the_generator_never_writes_a_vector_again(tmp_path):
    spec = importlib.util.spec_from_file_location("randomness_vectors", FOLDER / "generate.py")
    assert spec and spec.loader
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    (tmp_path / "normal-plain.json").write_text("kept", encoding="utf-8")
    assert sorted([*generator.write(tmp_path), "normal-plain"]) == NAMES
    assert (tmp_path / "normal-plain.json").read_text(encoding="utf-8") == "kept"
    for name in set(NAMES) - {"normal-plain"}:
        assert (tmp_path / f"{name}.json").read_text() == (FOLDER / f"{name}.json").read_text()
    assert generator.write(tmp_path) == []


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_a_fresh_process_with_another_hash_seed_makes_the_same(seed):
    program = (
        "import hashlib, sys; from gcodec.randomness import Domain, Randomness; r = Randomness(1);"
        "z = r.normal(Domain.INITIAL_NOISE, 0, 0, 1000); p = r.permutation(1, 0, 0, 1000);"
        "print(*(hashlib.sha256(x.tobytes()).hexdigest() for x in (z, p.astype('<u4'))))"
    )
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    names = ("normal-plain", "permutation-plain")
    vectors = [json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in names]
    assert ran.stdout.split() == [vector["sha256"] for vector in vectors]


def test_the_table_of_domains_is_the_enumeration():
    printed = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", section(5), flags=re.M)
    assert {name: int(number) for number, name in printed} == dict(Domain.__members__)
    assert f"{FIRST_PRIVATE:X} .. FFFFFFFF are private" in section(5)
    assert f"0 and {max(Domain) + 1} .. {FIRST_PRIVATE - 1:X} are unassigned" in section(5)


def test_domains_once_given_out_stay():
    first = ["INITIAL_NOISE", "CODEBOOK", "PERMUTATION", "SIGNS", "DITHER", "DECODER_NOISE"]
    assert [domain.name for domain in Domain][:7] == [*first, "ENCODER"]
    assert [int(domain) for domain in Domain] == list(range(1, len(Domain) + 1))


def test_the_known_answers_are_the_file():
    printed = re.findall(r"\b[0-9A-F]{8}\b", section(1).split("|---|---|---|")[1])
    lines = (FOLDER / "philox4x32_10.txt").read_text(encoding="utf-8").splitlines()
    assert [word.lower() for word in printed] == " ".join(lines[1:]).split()


def test_the_printed_digests_are_those_of_the_code():
    assert _table.SHA256 in section(4)
    assert f"{_table._FILE.stat().st_size:,} bytes" in section(4)
    assert __main__.EXPECTED in section(6)
    million = json.loads((FOLDER / "normal-million.json").read_text(encoding="utf-8"))
    assert million["sha256"] == __main__.EXPECTED


def test_the_printed_example():
    r = Randomness(0x0123456789ABCDEF)
    row = (Domain(6), 2, 3)
    key = "{:08X} {:08X}".format(*split_seed(r.seed))
    assert f"key            {key}" in section(7)
    table = np.frombuffer(_table.shipped(), dtype="<i4")
    printed = re.findall(r"^\| ([0-9A-F]{8}) \|(.*)\|$", section(7), flags=re.M)
    assert len(printed) == 4
    for n, (word, cells) in enumerate(printed, start=4):
        t, i, entry, normal, single, uniform, dither = cells.split("|")
        assert r.bits(*row, 1, n)[0] == int(word, 16)
        assert int(t) == (int(word, 16) & MASK >> 1) >> 8
        assert int(entry) == table[int(i)] == abs(float(normal)) * 2**20
        assert r.normal(*row, 1, n)[0] == float(normal)
        assert struct.pack(">f", float(normal)).hex() == single.strip().lower()
        assert r.uniform(*row, 1, n)[0] * 2**24 == int(uniform)
        assert r.dither(*row, 1, n)[0] * 2**24 == int(dither)
    text = " ".join(section(7).split())
    signs = r.signs(*row, 8, 128).astype(int).tolist()
    assert f"from the lowest: {', '.join(map(str, signs))}." in text
    assert f"row is {', '.join(map(str, r.permutation(*row, 4)))}: words" in text
    words = [f"{word:08X}" for word in r.bits(*row, 8)]
    assert ", ".join(map(" ".join, zip(words[::2], words[1::2], strict=True))) in text
    assert " ".join(words[4:]) in text.split("output")[1]
