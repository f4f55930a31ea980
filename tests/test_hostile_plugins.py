"""Thirty plugins that are hostile or broken, installed side by side: one line names each, and everything else works.

Those that fail while they are found are listed by ``gcodec plugins``; those that fail while they work end the command that
they are asked for in, and no other.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core" / "tests"))

import support

HEAD = "from gcodec.plugin import *\nfrom gcodec.plugin import hookimpl\nGCODEC_INTERFACE = 1\n"


def offers(kind: str, *specs: str, mark: str = "@hookimpl", body: str = "") -> str:
    """Return the source of a plugin with one hook."""
    listed = ", ".join(specs)
    return f"{HEAD}{body}\n{mark}\ndef gcodec_{kind}():\n    return [{listed}]\n"


def embedding(name: str, implementation: str = "nowhere:X", more: str = "") -> str:
    return f"EmbeddingSpec({name!r}, 's', {implementation!r}, ('preview',), 'A'{more})"


def reconstructor(name: str, implementation: str = "nowhere:X", more: str = "") -> str:
    return f"ReconstructorSpec({name!r}, 's', {implementation!r}, (('preview',),){more})"


#: Distribution -> source of its light module, and words of the line that `gcodec plugins` prints about it.
FOUND: Mapping[str, tuple[str, str]] = {
    "evil-number": (
        offers("embeddings", embedding("evil/two", more=", id=2")),
        "embedding number 2 is registered to gcodec-classic",
    ),
    "evil-name": (
        offers("embeddings", embedding("ntc", more=", id=222")),
        "embedding 'ntc' is registered to gcodec-ntc",
    ),
    "evil-reserved": (
        offers("reconstructors", reconstructor("flow")),
        "reconstructor 'flow' is registered to gcodec-flow",
    ),
    "evil-network": (
        offers("networks", "NetworkSpec('UNet2DModel', 'denoiser', 's', 'nowhere:open')"),
        "network 'UNet2DModel' is registered to gcodec-diffusers",
    ),
    "evil-place": (
        offers(
            "models",
            "ModelSpec('evil/m', '0' * 64, 'nowhere:m', 's', 'x', Place('a', 'b', 'c', ['d']))",
        ),
        "model 'evil/m' has types, a cost, a place or graphs that are none",
    ),
    "evil-cost": (
        offers("adapters", "AdapterSpec('evil/free', 'preview', 'sketch', 'nowhere:f', -1, 's')"),
        "adapter 'evil/free' has types, a cost, a place or graphs that are none",
    ),
    "evil-need": (
        offers("reconstructors", "ReconstructorSpec('evil/r', 's', 'nowhere:R', ('preview',))"),
        "reconstructor 'evil/r' has types, a cost, a place or graphs that are none",
    ),
    "evil-model": (
        offers("models", "ModelSpec('base/ntc', '0' * 64, 'nowhere:models', 's', 'x')"),
        "model 'base/ntc' is registered to gcodec-base",
    ),
    "evil-command": (
        offers("commands", "CommandSpec('encode', 's', 'nowhere:command')"),
        "command 'encode' is registered to gcodec",
    ),
    "evil-metric": (
        offers("metrics", "MetricSpec('psnr', 'PSNR', 's', 'nowhere:f', True)"),
        "metric 'psnr' is registered to gcodec",
    ),
    "rival-one": (
        offers("embeddings", embedding("rival/same")),
        "embedding 'rival/same' is claimed by rival-one and rival-two",
    ),
    "rival-two": (
        offers("embeddings", embedding("rival/same"), embedding("rival/other")),
        "embedding 'rival/same' is claimed by rival-one and rival-two",
    ),
    "broken-import": ("import no_such_module_at_all", "ModuleNotFoundError"),
    "broken-syntax": ("def f(:\n", "SyntaxError"),
    "broken-exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "broken-hook": (offers("models", "1 / 0"), "ZeroDivisionError"),
    "broken-bare": ("x = 1", "write GCODEC_INTERFACE = 1 into its module"),
    "broken-empty": ("GCODEC_INTERFACE = 1", "it has none of the hooks"),
    "broken-unmarked": (
        offers("embeddings", embedding("broken/u"), mark=""),
        "gcodec_embeddings lacks the mark @gcodec.plugin.hookimpl",
    ),
    "broken-single": (
        offers("embeddings", embedding("broken/s")).replace("[", "").replace("]", ""),
        "returned one spec; return a list of them",
    ),
    "broken-rubbish": (offers("embeddings", "'ntc'"), "where EmbeddingSpec is due"),
    "broken-field": (offers("embeddings", embedding("broken/f", more=", colour='red'")), "colour"),
    "broken-newer": ("GCODEC_INTERFACE = 2", "made for plugin interface 2, this is 1"),
    "broken-missing": ("", "No module named"),
    "slow-import": (
        offers("embeddings", embedding("slow/x"), body="import time; time.sleep(0.3)"),
        "s to import",
    ),
}


class Working(NamedTuple):
    """A plugin that is found, and fails when it is asked to work.

    words    of the command that asks for it; PHOTO, FILE and OUT stand for paths.
    status   what the command ends with.
    """

    source: str
    code: str
    words: str
    status: int
    said: str


CODE = """
import numpy as np
from gcodec.interfaces import Embedding, Reconstructor
from gcodec.signals import Preview
{body}
"""


def codec(method: str, body: str) -> str:
    """Return an embedding that sends nothing, with one method of it exchanged."""
    methods = {
        "encode": "return (b'x',)",
        "decode": "return (Preview(np.zeros((3, *size), np.float32), 0.1),)",
        method: body,
    }
    return CODE.format(
        body=(
            "class X(Embedding):\n"
            f"    def encode(self, analysis, quality):\n        {methods['encode']}\n"
            f"    def decode(self, layers, size):\n        {methods['decode']}\n"
        )
    )


def sampler(body: str) -> str:
    return CODE.format(
        body=f"class X(Reconstructor):\n    def reconstruct(self, signals, size):\n        {body}\n"
    )


ENCODE = "encode PHOTO --embed hostile/NAME -o OUT.gcx"
DECODE = "decode FILE --recon hostile/NAME -o OUT.png"

#: Distribution -> what is wrong with it.
WORKING: Mapping[str, tuple[str, str, str, str]] = {
    "hostile-raises": ("encode", codec("encode", "return 1 / 0"), ENCODE, "ZeroDivisionError"),
    "hostile-unset": ("encode", codec("encode", "return None"), ENCODE, "encode"),
    "hostile-nan": (
        "encode",
        codec("decode", "return (Preview(np.full((3, *size), np.nan, np.float32), 0.1),)"),
        ENCODE,
        "not finite",
    ),
    "hostile-shape": (
        "encode",
        codec("decode", "return (Preview(np.zeros((*size, 3), np.float32), 0.1),)"),
        ENCODE,
        "shape",
    ),
    "hostile-kind": ("encode", codec("decode", "return ('preview',)"), ENCODE, "signal"),
    "hostile-absent": ("encode", "import no_such_module_at_all", ENCODE, "ModuleNotFoundError"),
    "hostile-paints": (
        "decode",
        sampler("return np.full((3, *size), 7, np.float32)"),
        DECODE,
        "beyond",
    ),
    "hostile-dies": ("decode", sampler("raise KeyError('weights')"), DECODE, "KeyError"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all of them are installed."""
    folder = tmp_path_factory.mktemp("site")
    for name, (source, _) in FOUND.items():
        module = name.replace("-", "_")
        modules = {} if name == "broken-missing" else {f"{module}_plugin": source}
        support.install(folder, name, modules, points={module: f"{module}_plugin"})
    for name, (role, code, _, _) in WORKING.items():
        module = name.replace("-", "_")
        spec = embedding if role == "encode" else reconstructor
        source = offers(f"{spec.__name__}s", spec(name.replace("-", "/"), f"{module}_code:X"))
        modules = {f"{module}_plugin": source, f"{module}_code": code}
        support.install(folder, name, modules, points={module: f"{module}_plugin"})
    return folder


@pytest.fixture(scope="module")
def listed(site: Path) -> str:
    done = support.gcodec("plugins", site=[site])
    assert done.returncode == 0, done.stderr
    return str(done.stdout.decode() if isinstance(done.stdout, bytes) else done.stdout)


def test_there_are_thirty() -> None:
    assert len(FOUND) + len(WORKING) >= 30


@pytest.mark.parametrize("name", FOUND)
def test_what_is_wrong_with_it_is_one_line_that_names_it(name: str, listed: str) -> None:
    lines = [line for line in listed.splitlines() if f"({name} " in line]
    assert len(lines) == 1, listed
    assert FOUND[name][1] in lines[0]


def test_what_else_they_offer_can_be_used(listed: str) -> None:
    rows = [line.split()[:2] for line in listed.splitlines()]
    for name in ("rival/other", "slow/x", "ntc", "webp", "flow", "preview"):
        assert [kind for kind, *found in (r for r in rows if len(r) == 2) if found == [name]], name


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from gcodec.testing import pictures

    path = tmp_path_factory.mktemp("photo") / "photo.png"
    path.write_bytes(pictures.as_png(pictures.photograph(48, 64)))
    return path


def run(site: Path, words: str, photo: Path, out: Path) -> subprocess.CompletedProcess[bytes]:
    replaced = words.replace("PHOTO", str(photo)).replace("OUT", str(out))
    return support.gcodec(
        *replaced.replace("FILE", str(photo.with_suffix(".gcx"))).split(), site=[site]
    )


@pytest.fixture(scope="module")
def file(site: Path, photo: Path) -> Path:
    """A file of a sound embedding, made and decoded while all of them are installed."""
    path = photo.with_suffix(".gcx")
    support.succeeds(run(site, "encode PHOTO --embed webp -o FILE", photo, photo))
    support.succeeds(run(site, "decode FILE -o OUT.back.png", photo, photo.with_suffix("")))
    support.succeeds(run(site, "info FILE --json", photo, photo))
    return path


@pytest.mark.parametrize("name", WORKING)
def test_one_that_fails_at_work_ends_its_own_command_in_one_line(
    name: str, site: Path, file: Path, photo: Path, tmp_path: Path
) -> None:
    _, _, words, said = WORKING[name]
    done = run(site, words.replace("NAME", name.partition("-")[2]), photo, tmp_path / "out")
    (line,) = done.stderr.decode().strip().splitlines()
    assert done.returncode not in (0, 1, 70), line
    assert said in line and name in line and name.replace("-", "/") in line
    assert list(tmp_path.iterdir()) == []


def test_switching_them_off_leaves_nothing_of_them(site: Path) -> None:
    off = ",".join([*FOUND, *WORKING])
    done = support.gcodec("plugins", "--json", site=[site], GCODEC_DISABLE=off)
    rows = json.loads(support.succeeds(done))
    assert not [row for row in rows if row["distribution"] in off.split(",") and row["offers"]]
