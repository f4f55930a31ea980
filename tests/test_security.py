"""SECURITY.md: every test that it names is there; and what no other test holds."""

from __future__ import annotations

import re
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

import gcodec
import gcodec_formats as gcx

ROOT = Path(__file__).resolve().parents[1]

#: Runs the command in a process where asking a network for anything is an error.
ALONE = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(refuse)
from gcodec.cli import main
main(sys.argv[1:])
"""


def test_every_test_that_the_page_names_is_there() -> None:
    links = re.findall(r"\[([^\]]+)\]\(([^)]+)\)", (ROOT / "SECURITY.md").read_text("utf-8"))
    assert len(links) > 25
    for name, place in links:
        path = ROOT / place
        assert path.exists(), place
        if name.startswith("test_"):
            assert f"def {name}(" in path.read_text("utf-8"), name


@pytest.mark.parametrize(("name", "vector"), [("ntc", "photo"), ("text_sketch", "photo")])
def test_decoding_asks_no_network(name: str, vector: str, tmp_path: Path) -> None:
    source = ROOT / "spec" / "vectors" / "embeddings" / name / f"{vector}.gcx"
    if not source.exists():
        pytest.skip("spec/ is not part of this copy")
    words = [sys.executable, "-c", ALONE, "decode", str(source), "-o", str(tmp_path / "a.png")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.png").exists()
    bad = ALONE.replace(
        "from gcodec.cli", "import socket; socket.getaddrinfo('gcodec.invalid', 1)\nfrom gcodec.cli"
    )
    done = subprocess.run([sys.executable, "-c", bad], capture_output=True, text=True)
    assert "socket.getaddrinfo" in done.stderr  # so the hook would have seen it


@pytest.mark.parametrize("name", ["ntc", "text_sketch", "jpeg", "diffc"])
def test_who_decodes_says_what_is_too_large(name: str) -> None:
    """A file that says 16,384 x 16,384 samples in a few bytes costs nothing where they are too many."""
    folder = ROOT / "spec" / "vectors" / "embeddings" / name
    file = gcx.read(min(folder.glob("[!b]*.gcx")).read_bytes())
    header = replace(file.header, size=gcx.Size(1 << 14, 1 << 14))
    data = gcx.write(replace(file, header=header))
    run = gcodec.Run(limits=gcx.Limits(pixels=20_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(gcx.FormatError, match="268435456"):
            gcodec.decode(data, run=run)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
