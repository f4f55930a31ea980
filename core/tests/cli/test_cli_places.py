"""Where the command reads and writes: the input under another name, closed streams, ``/dev/stdout``."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import support
from PIL import Image
from support import command, environment, fails, listing, succeeds

Command = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def source(pictures: Path, tmp_path: Path) -> Path:
    """The picture photo.png in a folder of its own."""
    path = tmp_path / "photo.png"
    path.write_bytes((pictures / "photo.png").read_bytes())
    return path


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_the_input_is_never_overwritten_under_another_name(
    gcodec: Command, source: Path, link: Callable[[Path, Path], None]
) -> None:
    link(source, source.with_name("photo.gcx"))
    link(source, source.with_name("photo.tiny.outline.png"))
    before = listing(source.parent)
    words = ("--embed", "tiny", "--force")
    fails(gcodec("encode", source, *words), 8, "photo.gcx", "it is the input", "photo.png")
    mixed = gcodec("mix", source, *words, "--recon", "outline", "-o", source.parent)
    fails(mixed, 8, "photo.tiny.outline.png", "it is the input")
    assert listing(source.parent) == before


def test_a_companion_is_an_input_too(gcodec: Command, source: Path) -> None:
    small = source.with_name("small.gcx")
    succeeds(gcodec("encode", source, "--embed", "tiny", "-o", small))
    before = small.read_bytes()
    words = ("--embed", "tiny", "--companion", small, "-o", small, "--force")
    fails(gcodec("encode", source, *words), 8, "small.gcx", "it is the input")
    assert small.read_bytes() == before


@pytest.mark.parametrize("words", ["encode photo.png --embed tiny", "decode x.gcx", "verify x.gcx"])
def test_a_device_that_is_not_here_is_refused_though_nothing_would_run_there(
    source: Path, site: Path, words: str
) -> None:
    there = {"cwd": source.parent, "site": [site]}
    succeeds(support.gcodec("encode", source, "--embed", "tiny", "-o", "x.gcx", **there))
    before = listing(source.parent)
    done = support.gcodec(*words.split(), "--device", "cuda:99", **there)
    fails(done, 2, "cuda:99", "it must be")
    assert listing(source.parent) == before


@pytest.mark.parametrize("words", ["encode", "decode", "info", "verify", "encode photo.png -o"])
def test_a_file_without_a_name_is_refused(source: Path, site: Path, words: str) -> None:
    done = support.gcodec(*words.split(), "", cwd=source.parent, site=[site])
    fails(done, 2, "a file needs a name")


def test_a_name_may_begin_with_a_dash(source: Path, site: Path) -> None:
    source.rename(source.with_name("-photo.png"))
    words = ("--embed", "tiny", "--recon", "outline", "--", "-photo.png")
    succeeds(support.gcodec("mix", *words, cwd=source.parent, site=[site]))
    made = {"-photo.tiny.gcx", "-photo.tiny.outline.png", "-photo.tiny.outline.json"}
    assert set(listing(source.parent)) == {"-photo.png", *made}


def test_standard_output_under_its_other_name_holds_the_data_alone(
    gcodec: Command, source: Path
) -> None:
    made = gcodec("encode", source, "--embed", "tiny", "-o", "/dev/stdout", "--json")
    assert json.loads(made.stderr)["bytes"] == len(made.stdout)
    back = gcodec("decode", "/dev/stdin", stdin=made.stdout)
    assert back.returncode == 0, back.stderr
    with Image.open(io.BytesIO(back.stdout)) as decoded, Image.open(source) as original:
        assert decoded.size == original.size


def closed(*words: object, streams: tuple[int, ...], cwd: Path, site: Path) -> tuple[int, str]:
    """Run the command without some of its standard streams; return its status and its lines on standard error."""

    def close() -> None:
        for number in streams:
            os.close(number)

    done = subprocess.run(
        command(words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=cwd,
        env=environment(site),
        preexec_fn=close,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    ("words", "streams", "status", "said"),
    [
        ("encode photo.png --embed tiny -o -", (1,), 8, "standard output"),
        ("encode photo.png --embed tiny", (1,), 8, "standard output"),
        ("--help", (1,), 8, "standard output"),
        ("encode - --embed tiny -o a.gcx", (0,), 7, "standard input"),
        ("decode nowhere.gcx", (2,), 7, ""),
        ("decode nowhere.gcx", (0, 1, 2), 7, ""),
    ],
)
def test_a_closed_stream_ends_in_one_line(
    source: Path, site: Path, words: str, streams: tuple[int, ...], status: int, said: str
) -> None:
    found, text = closed(*words.split(), streams=streams, cwd=source.parent, site=site)
    assert found == status, text
    assert len(text.splitlines()) == (said != ""), text
    assert said in text
