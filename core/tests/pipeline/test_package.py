"""A file may say where its embedding is to be had: an author's choice, shown as the file's own words, never more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import support

import gcodec_formats as gcx
from gcodec.registry import Registry
from gcodec_formats import registry as numbers

OFFERED = """
GCODEC_INTERFACE = 1
from gcodec.plugin import EmbeddingSpec, hookimpl

@hookimpl
def gcodec_embeddings():
    return [
        EmbeddingSpec(
            "acme/offered", "s", "sample_codecs:Tiny", ("preview",), "A", package="gcodec-acme-offered"
        ),
        EmbeddingSpec("acme/silent", "s", "sample_codecs:Tiny", ("preview",), "A", **dict()),
    ]
"""


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("offered")
    support.install(folder, "gcodec-acme-offered", {"acme_offered": OFFERED})
    return folder


def test_a_receiver_without_it_reads_where_to_get_it(
    offered: Path, pictures: Path, tmp_path: Path
) -> None:
    said, silent = tmp_path / "said.gcx", tmp_path / "silent.gcx"
    for name, file in (("acme/offered", said), ("acme/silent", silent)):
        words = ("encode", pictures / "photo.png", "--embed", name, "-o", file)
        support.succeeds(support.gcodec(*words, site=[offered]))
    # A key, the length of the text and the text, in a map of one; the two names differ by a letter.
    assert said.stat().st_size - silent.stat().st_size == 1 + 1 + 2 + len("gcodec-acme-offered") + 1
    line = support.fails(support.gcodec("decode", said, "-o", tmp_path / "x.png"), 3)
    assert line.startswith(
        "gcodec: no installed embedding is called 'acme/offered'; the file says: pip install gcodec-acme-offered"
    )
    line = support.fails(support.gcodec("decode", silent, "-o", tmp_path / "x.png"), 3)
    assert "pip install" not in line
    shown = support.succeeds(support.gcodec("info", said))
    assert "unregistered; the file says: pip install gcodec-acme-offered" in shown
    support.succeeds(support.gcodec("decode", said, "-o", tmp_path / "x.png", site=[offered]))
    found = json.loads(support.succeeds(support.gcodec("info", "--json", silent)))
    assert found["package"] == "unregistered"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("package='not a name'", "extension 9 (package) must be"),
        ("package='-r evil'", "extension 9 (package) must be"),
        ("package='gcodec-acme', id=200", "left out of the file of an embedding"),
        ("package='gcodec-acme', id=0", "0"),
    ],
)
def test_a_spec_with_a_package_that_no_file_can_hold_is_refused(
    arguments: str, reason: str, tmp_path: Path
) -> None:
    source = OFFERED.replace("**dict()", arguments)
    support.install(tmp_path, "gcodec-acme", {"acme_refused": source})
    with support.importable(tmp_path):
        (plugin,) = Registry.discover(support.entry_points_below(tmp_path)).plugins
    assert [spec.name for spec in plugin.specs] == ["acme/offered"]  # type: ignore[union-attr]
    assert reason in plugin.refused[0].reason


def test_text_of_a_file_moves_no_terminal(tmp_path: Path) -> None:
    """Every string that a file may hold, with an escape sequence and letters that turn the direction of the line."""
    evil = "\x1b[2J\u202eevil\r\n\x07"
    header = gcx.Header(
        gcx.Identity(name="acme/offered", profile=1),
        gcx.Size(4, 4),
        {
            numbers.RECONSTRUCTOR: [evil, {evil: evil}],
            numbers.PARAMETERS: {evil: [evil, {evil: evil}]},
            numbers.PACKAGE: "gcodec-acme-offered",
            301: evil,
        },
    )
    file = tmp_path / "evil.gcx"
    file.write_bytes(gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, b"x")])))
    printed = [
        support.succeeds(support.gcodec("info", file)),
        support.succeeds(support.gcodec("info", "--json", file)),
        support.fails(support.gcodec("decode", file, "-o", tmp_path / "x.png"), 3),
        support.fails(support.gcodec("decode", file, "--recon", evil, "-o", tmp_path / "x.png"), 3),
    ]
    for text in printed:
        assert all(letter.isprintable() or letter == "\n" for letter in text), text
