"""``gcodec check-plugin``: a table of what the suites say of a distribution, whatever it does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import support

from gcodec.cli._new_plugin import words_for, write_plugin

_SPECS = """
from gcodec.plugin import EmbeddingSpec, ReconstructorSpec, SignalSpec, TrainerSpec, hookimpl

{interface}

@hookimpl
def gcodec_embeddings():
    return [EmbeddingSpec(name, "for tests", f"acme_codecs:{{cls}}", ("preview",), "A") for name, cls in {names}]

@hookimpl
def gcodec_trainers():
    return [TrainerSpec("acme/blur", "for tests", "nowhere:Blur")]
"""

_CODECS = """
import os, sys, time
from pathlib import Path
from sample_codecs import Tiny

class Dies(Tiny):
    def encode(self, analysis, quality):
        os._exit(9)

class Hangs(Tiny):
    def encode(self, analysis, quality):
        while True:
            time.sleep(1)

class Lingers(Tiny):
    def decode(self, layers, size):
        while "_worker" in sys.argv[0]:
            Path(__file__).with_name("lingers").write_text(str(os.getpid()))
            time.sleep(1)
        return super().decode(layers, size)
"""


def check(
    *words: object, site: Path, where: Path, **more: str
) -> tuple[int, list[dict[str, str]], str]:
    """Return status, rows and standard error."""
    for name in ("home", "tmp"):
        (where / name).mkdir()
    more |= {"HOME": str(where / "home"), "TMPDIR": str(where / "tmp")}
    done = run(*words, "--json", site=site, where=where, **more)
    return done.returncode, json.loads(done.stdout or b"[]"), done.stderr.decode()


def run(*words: object, site: Path, where: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        support.command(["check-plugin", *words]),
        cwd=where,
        env=support.environment(site, **more),
        capture_output=True,
        timeout=280,
        check=False,
    )


def outcomes(rows: list[dict[str, str]]) -> Mapping[str, Any]:
    return {f"{row['name']} {row['test']}": (row["outcome"], row["detail"]) for row in rows}


def test_a_good_plugin_passes(tmp_path: Path) -> None:
    """What `new-plugin` writes, as the table shows it."""
    site = tmp_path / "site"
    write_plugin(site, "embedding", words_for("kit/blocks", "embedding"))
    plugin = "gcodec_kit_blocks.plugin"
    support.install(site / "src", "gcodec-kit-blocks", {}, points={"blocks": plugin})
    done = run("gcodec-kit-blocks", site=site / "src", where=tmp_path)
    lines = support.succeeds(done).splitlines()
    assert lines[0].split() == ["kind", "name", "test", "result", "why"]
    rows = [line.split(maxsplit=2) for line in lines[1:-2]]
    assert rows[0][:2] + rows[0][2].split()[:1] == ["plugin", "blocks", "load"]
    tried = [row for row in rows if row[:2] == ["embedding", "kit/blocks"]]
    assert len(tried) > 20
    assert any(
        "test_progressive" in row[2] and "skipped  not progressive" in row[2] for row in tried
    )
    assert not [row for row in rows if " failed" in row[2]]
    assert lines[-1].startswith("gcodec-kit-blocks: ") and " 0 failed, 1 skipped" in lines[-1]


def test_a_cheating_plugin_is_found_out(smugglers: Path, tmp_path: Path) -> None:
    """Its rate-distortion curve is a wonder, until the receiver is alone. It leaves nothing where the user lives."""
    status, rows, said = check("gcodec-smuggling", site=smugglers, where=tmp_path)
    assert status == 19 and len(said.splitlines()) == 1 and "checks failed" in said
    found = outcomes(rows)
    assert found["smuggling load"] == ("passed", "")
    outcome, why = found["test/smuggling test_fresh_process"]
    assert outcome == "failed" and "decoding depends on more than the file" in why
    assert found["test/tiny test_fresh_process"][0] == "passed"
    assert not list(tmp_path.rglob("KIT_ORIGINAL*"))
    assert not list((tmp_path / "home").iterdir()) and not list((tmp_path / "tmp").iterdir())


def test_whatever_a_plugin_does_it_is_a_row(tmp_path: Path) -> None:
    """A module that cannot be imported, none for this interface, a name of others, a process that ends or hangs."""
    site = tmp_path / "site"
    good = "GCODEC_INTERFACE = 1"
    classes = {
        "acme/dies": "Dies",
        "acme/hangs": "Hangs",
        "acme/lingers": "Lingers",
        "webp": "Dies",
    }
    names = str([*classes.items()])
    modules = {
        "acme_codecs": _CODECS,
        "acme_sound": _SPECS.format(interface=good, names=names),
        "acme_silent": _SPECS.format(interface="", names="[]"),
        "acme_broken": "import no_such_module\n",
    }
    points = {name: name for name in ("acme_sound", "acme_silent", "acme_broken")}
    support.install(site, "gcodec-acme", modules, points=points)
    status, rows, said = check("gcodec-acme", "--patience", 15, site=site, where=tmp_path)
    assert status == 19, said
    found = outcomes(rows)
    assert found["acme_sound load"] == ("passed", "")
    assert "no_such_module" in found["acme_broken load"][1]
    assert "GCODEC_INTERFACE = 1" in found["acme_silent load"][1]
    assert "'webp' is no embedding name" in found["webp load"][1]
    assert (
        found["acme/blur suite"][0] == "skipped"
        and "TrainerConformance" in found["acme/blur suite"][1]
    )
    ended = [why for key, (_, why) in found.items() if key.startswith("acme/dies ")]
    assert "its process ended with status 9" in " ".join(ended)
    deadline = time.monotonic() + 20
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(int((site / "lingers").read_text()), 0)
            time.sleep(0.2)
    assert "no end within 15 s" in found["acme/lingers test_fresh_process"][1]
    hung = [why for key, (_, why) in found.items() if key.startswith("acme/hangs ")]
    assert "no end within 15 s" in " ".join(hung)


def test_what_cannot_be_checked_is_one_line(gcodec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    support.fails(gcodec("check-plugin", "gcodec-nowhere"), 3, "gcodec-nowhere")
    monkeypatch.setattr("gcodec.cli._check_plugin.find_spec", lambda name: None)
    support.fails(gcodec("check-plugin", "gcodec"), 2, "pip install pytest")
