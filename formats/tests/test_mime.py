"""spec/mime: file(1) and desktops know a GCX file by its first bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

SPEC = Path(__file__).parents[2] / "spec"
FOLDER, VECTORS = SPEC / "mime", SPEC / "vectors"
TYPE = "image/x-gcx"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="spec/ is not part of this copy")


def files() -> list[Path]:
    found = [path for path in VECTORS.rglob("*.gcx") if path.read_bytes()[:3] == b"\xc7\r\n"]
    return [path for path in found if path.stat().st_size > 11 and path.stem != "bad-version"]


def run(*words: object, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, words)),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return done.stdout


@pytest.mark.skipif(not shutil.which("file"), reason="file(1) is not here")
def test_file_knows_every_vector_and_nothing_else() -> None:
    magic = FOLDER / "gcx.magic"
    said = run("file", "-b", "--mime-type", "-m", magic, *files()).split()
    assert said == [TYPE] * len(said) and len(said) > 150
    others = [
        SPEC / "README.md",
        SPEC / "data" / "normals.zlib",
        VECTORS / "gcx" / "bad-version.gcx",
    ]
    assert TYPE not in run("file", "-b", "--mime-type", "-m", magic, *others)
    for name in "minimal", "widest", "progressive", "named":
        facts = json.loads((VECTORS / "gcx" / f"{name}.json").read_text("utf-8"))
        said_of = run("file", "-b", "-m", magic, VECTORS / "gcx" / f"{name}.gcx")
        sides = f"{facts['width']} x {facts['height']}"
        assert (sides in said_of) == isinstance(facts["embedding"], int)
        assert ("progressive" in said_of) == facts["progressive"]


def test_the_xml_says_what_the_magic_says() -> None:
    space = "{http://www.freedesktop.org/standards/shared-mime-info}"
    kind = ElementTree.parse(FOLDER / "gcx.xml").getroot().find(f"{space}mime-type")
    assert kind is not None and kind.get("type") == TYPE
    match, glob = kind.find(f"{space}magic/{space}match"), kind.find(f"{space}glob")
    assert match is not None and glob is not None and glob.get("pattern") == "*.gcx"
    value = (match.get("value") or "").encode("latin-1").decode("unicode_escape").encode("latin-1")
    mask = bytes.fromhex((match.get("mask") or "").removeprefix("0x"))
    for path in files():
        start = path.read_bytes()[:4]
        assert bytes(a & b for a, b in zip(start, mask, strict=True)) == value


@pytest.mark.skipif(
    not (shutil.which("update-mime-database") and shutil.which("gio")),
    reason="no shared-mime-info or GIO here",
)
def test_a_desktop_knows_a_file_without_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "mime" / "packages").mkdir(parents=True)
    shutil.copy(FOLDER / "gcx.xml", tmp_path / "mime" / "packages")
    run("update-mime-database", tmp_path / "mime")
    shutil.copy(VECTORS / "gcx" / "minimal.gcx", tmp_path / "picture")
    said = run(
        *("gio", "info", "-a", "standard::content-type", tmp_path / "picture"),
        XDG_DATA_DIRS=f"{tmp_path}:/usr/local/share:/usr/share",
    )
    assert TYPE in said
