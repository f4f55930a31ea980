"""The format that ``decode`` writes: what cannot hold the picture is refused before anything is decoded."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from support import fails, succeeds

from gcodec.errors import OutputError

Command = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def clear(gcodec: Command, tmp_path: Path) -> Path:
    """A file whose picture has alpha."""
    image = Image.new("RGBA", (32, 24), (200, 30, 30, 90))
    image.save(tmp_path / "clear.png")
    succeeds(gcodec("encode", tmp_path / "clear.png", "--embed", "tiny"))
    return tmp_path / "clear.gcx"


def test_alpha_for_a_jpeg_is_refused_before_decoding(
    clear: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gcodec.cli._decode import command
    from gcodec.pipeline import decoding

    def decode(*_: object, **__: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(decoding, "decode", decode)
    for words in (["-o", str(clear.with_suffix(".jpg"))], ["-o", "-", "--format", "jpg"]):
        done = CliRunner().invoke(command, [str(clear), *words])
        assert isinstance(done.exception, OutputError), done.exception
        assert "transparency; choose .png" in str(done.exception)


def test_the_refusal_is_one_line_with_a_status(gcodec: Command, clear: Path) -> None:
    fails(gcodec("decode", clear, "-o", clear.with_suffix(".jpg")), 8, "transparency", ".png")
    assert not clear.with_suffix(".jpg").exists()


@pytest.mark.parametrize(("suffix", "kind"), [("webp", "WEBP"), (".tiff", "TIFF"), (None, "PNG")])
def test_standard_output_takes_a_format(
    gcodec: Command, clear: Path, suffix: str | None, kind: str
) -> None:
    words = [] if suffix is None else ["--format", suffix]
    done = gcodec("decode", clear, "-o", "-", *words)
    succeeds(done)
    with Image.open(BytesIO(done.stdout)) as image:
        assert image.format == kind and image.mode == "RGBA"


def test_a_format_names_the_file_and_must_exist(gcodec: Command, clear: Path) -> None:
    succeeds(gcodec("decode", clear, "--format", "webp"))
    with Image.open(clear.with_name("clear.decoded.webp")) as image:
        assert image.format == "WEBP"
    fails(gcodec("decode", clear, "-o", "-", "--format", "xyz"), 8, "names no format")
