"""Plugins that are odd rather than broken: what they print, how they end, what they write into, what their fields hold."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import support
from support import fails, succeeds

import gcodec
from gcodec.errors import UnusablePlugin
from gcodec.plugin import (
    CommandSpec,
    EmbeddingSpec,
    MetricSpec,
    ModelSpec,
    NetworkSpec,
    Option,
    Profile,
    hookimpl,
)
from gcodec.registry import Registry
from gcodec.testing import pictures as images

HEAD = "from gcodec.plugin import *\nfrom gcodec.plugin import hookimpl\nGCODEC_INTERFACE = 1\n"
PLUGIN = (
    HEAD
    + """
@hookimpl
def gcodec_embeddings():
    made = lambda name, code, **more: EmbeddingSpec(f"odd/{name}", "s", f"odd_code:{code}", ("preview",), "A", **more)
    return [
        made("prints", "Prints"),
        made("writes", "Writes"),
        made("exits", "Exits"),
        made("missing", "Prints", available="odd_code:leave"),
    ]
@hookimpl
def gcodec_metrics():
    return [
        MetricSpec("odd/text", "TEXT", "s", "odd_code:text", True),
        MetricSpec("odd/nan", "NAN", "s", "odd_code:nan", True),
        MetricSpec("odd/vandal", "VANDAL", "s", "odd_code:vandal", True),
    ]
"""
)
CODE = """
import sys
import numpy as np
from gcodec.interfaces import Embedding
from gcodec.signals import Preview

class Prints(Embedding):
    def encode(self, analysis, quality):
        print("encoding")
        return (b"x",)
    def decode(self, layers, size):
        print("decoding")
        return (Preview(np.full((3, *size), 0.5, np.float32), 0.1),)

class Writes(Prints):
    def analyse(self, pixels):
        pixels[:] = 0

class Exits(Prints):
    def encode(self, analysis, quality):
        sys.exit(0)

def leave(): sys.exit(4)
def text(a, b): return "5"
def nan(a, b): return float("nan")
def vandal(a, b):
    a[:] = b[:] = 0
    return 1.0
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    support.install_test_plugin(folder)
    modules = {"odd_plugin": PLUGIN, "odd_code": CODE}
    support.install(folder, "odd-things", modules, points={"odd": "odd_plugin"})
    (folder / "photo.png").write_bytes(images.as_png(images.photograph(40, 56)))
    return folder


def test_what_a_plugin_prints_is_not_in_the_data(odd: Path, tmp_path: Path) -> None:
    chatty = tmp_path / "chatty"
    support.install(chatty, "odd-chatty", {"chatty_plugin": 'print("hello")\n' + HEAD})
    done = support.gcodec("plugins", "--json", site=[odd, chatty])
    assert {"odd-things", "odd-chatty"} <= {row["distribution"] for row in json.loads(done.stdout)}
    assert done.stderr == b"hello\n"
    words = ("mix", odd / "photo.png", "--embed", "odd/prints", "--recon", "preview", "--json")
    done = support.gcodec(*words, "-o", tmp_path, site=[odd, chatty])
    assert json.loads(done.stdout)[0]["embedding"] == "odd/prints", done.stderr
    piped = support.gcodec(
        "encode", odd / "photo.png", "--embed", "odd/prints", "-o", "-", site=[odd]
    )
    assert piped.stdout[:3] == b"\xc7\r\n" and b"encoding" in piped.stderr


def test_one_that_writes_into_its_picture_harms_nobody_else(odd: Path, tmp_path: Path) -> None:
    words = ("mix", odd / "photo.png", "--recon", "preview", "--quality", 0.5, "--json")
    alone = support.gcodec(*words, "--embed", "tiny", "-o", tmp_path / "a", site=[odd])
    judges = ("--metrics", "odd/vandal,psnr")
    beside = support.gcodec(
        *words, "--embed", "odd/writes,tiny", *judges, "-o", tmp_path / "b", site=[odd]
    )
    (expected,) = json.loads(succeeds(alone))
    found = json.loads(succeeds(beside))
    assert [r["embedding"] for r in found] == ["odd/writes", "tiny"]
    assert (found[1]["bytes"], found[1]["psnr"]) == (expected["bytes"], expected["psnr"])


@pytest.mark.parametrize("name", ["text", "nan"])
def test_a_metric_that_returns_no_number_is_named(name: str, odd: Path, tmp_path: Path) -> None:
    words = ("mix", odd / "photo.png", "--embed", "tiny", "--recon", "preview", "-o", tmp_path)
    done = support.gcodec(*words, "--metrics", f"odd/{name}", site=[odd])
    fails(done, 18, f"odd/{name}", "odd-things", "where a number is due")


def test_one_that_exits_is_named_and_nothing_ends_in_its_status(odd: Path, tmp_path: Path) -> None:
    words = ("encode", odd / "photo.png", "-o", tmp_path / "a.gcx", "--embed")
    fails(support.gcodec(*words, "odd/exits", site=[odd]), 18, "odd/exits", "SystemExit: 0")
    fails(support.gcodec(*words, "odd/missing", site=[odd]), 4, "odd/missing", "SystemExit: 4")
    assert "odd/missing" in succeeds(support.gcodec("plugins", site=[odd]))


def embedding(**more: Any) -> EmbeddingSpec:
    return replace(EmbeddingSpec("odd/e", "s", "a:b", ("preview",), "A"), **more)


ODD: list[Any] = [
    *(embedding(name=name) for name in (5, None, b"odd/a", "odd/a b", "odd/\x1b[2J", "all")),
    *(embedding(id=number) for number in (True, 2.0, 17, 0, 255, 300, -1)),
    *(embedding(quality=quality) for quality in (-0.1, 1.5, float("nan"), "x", None)),
    *(embedding(levels=levels) for levels in (0, 1, "x", None, 2.5)),
    *(embedding(profiles=profiles) for profiles in (None, ("x",), (Profile("a"),))),  # type: ignore[arg-type]
    *(embedding(spread=spread) for spread in (None, (1, 2), ("x",) * 10, (math.nan,) * 10)),
    embedding(model=5),
    embedding(parse_class="Z"),
    embedding(summary=None),
    embedding(options=(Option("a", int, "notint", "h"),)),
    embedding(options=(Option("a", float, 1.0, "h", minimum="q"),)),  # type: ignore[arg-type]
    embedding(options=(Option("a", int, 1, "h", minimum=2),)),
    embedding(options=(Option("a", int, 1, "h"), Option("a", int, 1, "h"))),
    *(CommandSpec(name, "s", "a:b") for name in (5, None, "--help", "x y", "-")),  # type: ignore[arg-type]
    CommandSpec("odd", None, "a:b"),  # type: ignore[arg-type]
    *(MetricSpec(name, "T", "s", "a:b", True) for name in (5, "a,b", "a:b", "all")),  # type: ignore[arg-type]
    MetricSpec("odd/m", "T", "s", "a:b", True, decimals=-1),
    ModelSpec("odd/m", "0" * 64, 5, "s", "l"),  # type: ignore[arg-type]
    NetworkSpec("Odd", "bogus", "s", "a:b"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("spec", ODD, ids=lambda spec: repr(spec)[:70])
def test_a_spec_whose_fields_are_odd_costs_itself_alone(spec: Any, installed: Registry) -> None:
    kind = type(spec).__name__.removesuffix("Spec").lower()
    hook = SimpleNamespace(GCODEC_INTERFACE=1, **{f"gcodec_{kind}s": hookimpl(lambda: [spec])})
    with pytest.raises(UnusablePlugin, match="things"):
        gcodec.register(hook, name="things")
    assert gcodec.Registry.discover(()).plugins == ()


def test_a_list_of_entry_points_that_cannot_be_read_is_listed(tmp_path: Path) -> None:
    info = tmp_path / "bad-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-points\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gcodec]\nfoo bar baz\n")
    said = succeeds(support.gcodec("plugins", site=[tmp_path]))
    assert "bad-points" in said and "entry_points.txt cannot be read" in said


def test_a_word_that_switches_nothing_off_is_told(odd: Path) -> None:
    off = "odd-things:odd/nan, nosuch,gcodec"
    said = succeeds(support.gcodec("plugins", site=[odd], GCODEC_DISABLE=off))
    told = [line for line in said.splitlines() if line.startswith("GCODEC_DISABLE: ")]
    assert len(told) == 2 and "'nosuch'" in told[0].replace(" ", "") and "'gcodec'" in told[1]


def test_two_without_a_name_are_two(tmp_path: Path) -> None:
    for name in ("one", "two"):
        source = HEAD + (
            "@hookimpl\ndef gcodec_embeddings():\n"
            "    return [EmbeddingSpec('odd/same', 's', 'a:b', ('preview',), 'A')]\n"
        )
        support.install(tmp_path / name, f"odd-{name}", {f"odd_{name}_plugin": source})
        (info,) = (tmp_path / name).glob("*.dist-info")
        (info / "METADATA").unlink()
    said = succeeds(support.gcodec("plugins", site=[tmp_path / "one", tmp_path / "two"]))
    assert said.count("embedding 'odd/same' is claimed by") == 2
