"""What the command does when all is well: files, streams, JSON, help and lists."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from support import fails, listing, succeeds

import gcodec_formats as gcx
from gcodec.pipeline.decoding import decode
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target

if TYPE_CHECKING:
    from gcodec.pictures import Picture

Command = Callable[..., CompletedProcess[bytes]]


@pytest.fixture
def file(tmp_path: Path, photo: Picture, installed: object) -> Path:
    """A .gcx file of the photograph."""
    path = tmp_path / "photo.gcx"
    path.write_bytes(encode(photo, "tiny", target=Target(quality=1), digest=True).data)
    return path


@pytest.fixture
def layered(tmp_path: Path, photo: Picture, installed: object) -> Path:
    """A progressive file that lost its last layer."""
    path = tmp_path / "layered.gcx"
    path.write_bytes(encode(photo, "test/layered").data[:-10])
    return path


def image(data: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).transpose(2, 0, 1)


def exact(photo: Picture) -> Any:
    return (photo.pixels * 255).round().astype(np.uint8)


# --- encode and decode


def test_a_picture_becomes_a_file_and_a_picture_again(
    gcodec: Command, pictures: Path, tmp_path: Path, photo: Picture
) -> None:
    out, back = tmp_path / "a.gcx", tmp_path / "a.png"
    said = succeeds(
        gcodec("encode", pictures / "photo.png", "-o", out, "--embed", "tiny", "--quality", 1)
    )
    assert f"{out}: {out.stat().st_size} bytes" in said
    succeeds(gcodec("decode", out, "-o", back))
    assert np.array_equal(image(back.read_bytes()), exact(photo))


def test_without_an_output_the_result_lies_beside_the_input(
    gcodec: Command, pictures: Path, tmp_path: Path
) -> None:
    source = tmp_path / "holiday.photo.png"
    source.write_bytes((pictures / "photo.png").read_bytes())
    succeeds(gcodec("encode", source, "--embed", "tiny"))
    assert set(listing(tmp_path)) == {"holiday.photo.png", "holiday.photo.gcx"}
    succeeds(gcodec("decode", tmp_path / "holiday.photo.gcx"))
    made = "holiday.photo.decoded.png"
    assert set(listing(tmp_path)) == {"holiday.photo.png", "holiday.photo.gcx", made}
    assert source.read_bytes() == (pictures / "photo.png").read_bytes()
    fails(gcodec("decode", tmp_path / "holiday.photo.gcx"), 8, made, "--force")


def test_existing_output_is_overwritten_only_with_force(
    gcodec: Command, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.gcx"
    out.write_bytes(b"mine")
    words = ("encode", pictures / "photo.png", "-o", out, "--embed", "tiny")
    fails(gcodec(*words), 8, str(out), "it exists; give --force to overwrite it")
    assert out.read_bytes() == b"mine"
    succeeds(gcodec(*words, "--force"))
    assert gcx.read(out.read_bytes())
    assert set(listing(tmp_path)) == {"a.gcx"}


def test_streams_in_and_out_carry_the_file_and_nothing_else(
    gcodec: Command, pictures: Path, photo: Picture
) -> None:
    source = (pictures / "photo.png").read_bytes()
    made = gcodec("encode", "-", "--embed", "tiny", "--quality", 1, stdin=source)
    assert made.returncode == 0
    assert gcx.read(made.stdout)
    assert made.stderr.decode().startswith("-: ")
    back = gcodec("decode", "-", stdin=made.stdout)
    assert back.returncode == 0
    assert np.array_equal(image(back.stdout), exact(photo))
    said = json.loads(succeeds(gcodec("info", "-", "--json", stdin=made.stdout)))
    assert said["bytes"] == len(made.stdout)
    assert "sound" in succeeds(gcodec("verify", "-", stdin=made.stdout))


def test_json_says_what_the_line_says(gcodec: Command, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.gcx"
    words = ("encode", pictures / "photo.png", "-o", out, "--embed", "tiny", "--bpp", 2, "--json")
    said = json.loads(succeeds(gcodec(*words)))
    assert said["bytes"] == out.stat().st_size
    assert said["bpp"] == pytest.approx(8 * out.stat().st_size / (45 * 61))
    assert said["bpp"] <= 2
    assert (said["file"], said["embedding"]) == (str(out), "tiny")
    assert set(said["seconds"]) == {"analyse", "code", "check"}
    said = json.loads(succeeds(gcodec("decode", out, "--json", "--recon", "outline")))
    assert (said["embedding"], said["reconstructor"]) == ("tiny", "outline")
    assert said["path"] == "preview -> sketch by edges (20); sketch"
    assert (said["suggested"], said["missing_layers"]) == (False, 0)


def test_with_json_a_stream_is_still_the_file_alone(gcodec: Command, pictures: Path) -> None:
    source = (pictures / "photo.png").read_bytes()
    made = gcodec("encode", "-", "--embed", "tiny", "--json", stdin=source)
    assert gcx.read(made.stdout)


@pytest.mark.parametrize("limit", [40, 200, 1000])
def test_a_size_is_never_exceeded(
    gcodec: Command, pictures: Path, tmp_path: Path, limit: int
) -> None:
    out = tmp_path / "a.gcx"
    words = ("encode", pictures / "photo.png", "-o", out, "--embed", "tiny", "--bytes", limit)
    succeeds(gcodec(*words))
    assert out.stat().st_size <= limit


def test_a_seed_and_a_suggestion_travel(gcodec: Command, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.gcx"
    words = ("encode", pictures / "photo.png", "-o", out, "--embed", "tiny")
    succeeds(gcodec(*words, "--seed", 2**64 - 1, "--suggest", "grain"))
    found = json.loads(succeeds(gcodec("info", out, "--json")))
    # A text, since JavaScript would round the number.
    assert found["extensions"] == {"seed": str(2**64 - 1), "reconstructor": ["grain", {}]}
    said = succeeds(gcodec("decode", out, "-o", tmp_path / "a.png"))
    assert "tiny -> grain, as the file suggests" in said
    again = json.loads(
        succeeds(gcodec("decode", out, "-o", tmp_path / "b.png", "--recon", "preview", "--json"))
    )
    assert (again["reconstructor"], again["suggested"]) == ("preview", False)


def test_a_class_c_parser_comes_with_a_warning(
    gcodec: Command, pictures: Path, tmp_path: Path
) -> None:
    words = ("encode", pictures / "photo.png", "-o", tmp_path / "a.gcx", "--embed")
    assert b"class C" in gcodec(*words, "test/float").stderr
    assert b"class C" not in gcodec(*words, "tiny", "--force").stderr


def test_a_truncated_progressive_file_is_decoded_when_asked(
    gcodec: Command, layered: Path, tmp_path: Path
) -> None:
    words = ("decode", layered, "-o", tmp_path / "a.png")
    fails(gcodec(*words), 20, "partial")
    assert "a.png" not in listing(tmp_path)
    done = gcodec(*words, "--partial")
    succeeds(done)
    assert b"cut short: without 1 of its layers\n" in done.stderr
    found = json.loads(succeeds(gcodec("info", layered, "--partial", "--json")))
    assert (found["layers"], found["missing_layers"]) == (3, 1)


def test_the_first_bytes_are_decoded_as_if_no_more_had_come(
    gcodec: Command, layered: Path, tmp_path: Path
) -> None:
    kept = layered.stat().st_size - 3 * 45 * 61
    cut = tmp_path / "cut.gcx"
    cut.write_bytes(layered.read_bytes()[:kept])
    words = ("-o", tmp_path / "a.png", "--force")
    one = json.loads(succeeds(gcodec("decode", layered, *words, "--max-bytes", kept, "--json")))
    first = (tmp_path / "a.png").read_bytes()
    other = json.loads(succeeds(gcodec("decode", cut, *words, "--partial", "--json")))
    assert (tmp_path / "a.png").read_bytes() == first
    assert one["missing_layers"] == other["missing_layers"] == 2
    fails(gcodec("decode", layered, *words, "--max-bytes", 4), 20, "byte")


def test_pictures_are_written_as_layers_come(
    gcodec: Command, layered: Path, tmp_path: Path
) -> None:
    words = ("decode", layered, "--partial", "-o", tmp_path / "a.png", "--preview-every", 2)
    found = json.loads(succeeds(gcodec(*words, "--json")))
    assert found["previews"] == [str(tmp_path / "a.002.png")]
    assert set(listing(tmp_path)) == {"a.002.png", "a.png", "layered.gcx"}
    fails(gcodec(*words), 8, "a.png")
    fails(gcodec("decode", layered, "-o", "-", "--preview-every", 1), 2, "several pictures")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
def test_the_suffix_names_the_format_of_the_picture(
    gcodec: Command, file: Path, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"a.{suffix}"
    succeeds(gcodec("decode", file, "-o", out))
    with Image.open(out) as opened:
        assert opened.size == (61, 45)
        assert opened.format == {"jpg": "JPEG"}.get(suffix, suffix.upper())


def test_only_what_a_generator_made_is_marked_as_such(
    gcodec: Command, file: Path, tmp_path: Path
) -> None:
    # IPTC's address for "existing media, augmented with a generative model", of which readers know every letter.
    mark = b"http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    succeeds(gcodec("decode", file, "-o", tmp_path / "plain.png"))
    succeeds(gcodec("decode", file, "-o", tmp_path / "grain.png", "--recon", "grain"))
    assert b"digitalsourcetype" not in (tmp_path / "plain.png").read_bytes().lower()
    grain = (tmp_path / "grain.png").read_bytes()
    assert b'Iptc4xmpExt:DigitalSourceType="%s"' % mark in grain
    assert b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' in grain


# --- options of plugins


def test_options_of_the_named_plugins_stand_in_the_help(gcodec: Command) -> None:
    help_ = succeeds(gcodec("encode", "--embed", "tiny", "--help"))
    assert "Options of tiny" in help_
    assert "--levels" in help_
    assert "gray levels [default: 256; a whole number from 2 to 256]" in " ".join(help_.split())
    assert "--levels" not in succeeds(gcodec("encode", "--embed=test/layered", "--help"))
    help_ = succeeds(gcodec("decode", "--help", "--recon=grain"))
    assert "--amount" in help_
    assert "--invert / --no-invert" in help_
    assert "one of add, none" in " ".join(help_.split())
    both = succeeds(gcodec("mix", "--embed", "tiny,test/named", "--recon", "grain", "--help"))
    assert "--levels" in both
    assert "--amount" in both


def test_options_reach_the_plugins(gcodec: Command, file: Path, tmp_path: Path) -> None:
    words = ("decode", file, "--recon", "grain", "--amount", 0)
    succeeds(gcodec(*words, "-o", tmp_path / "a.png"))
    succeeds(gcodec(*words, "-o", tmp_path / "b.png", "--invert"))
    succeeds(gcodec(*words, "-o", tmp_path / "c.png", "--no-invert", "--mode", "none"))
    a, b, c = (image((tmp_path / f"{name}.png").read_bytes()) for name in "abc")
    assert np.array_equal(a, 255 - b)
    assert np.array_equal(a, c)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--recon", "grain", "--amount", "1.5"), "a number from 0 to 1"),
        (("--recon", "grain", "--mode", "subtract"), "one of add, none"),
        (("--recon", "grain", "--amount", "much"), "--amount"),
        (("--recon", "preview", "--amount", "1"), "--amount"),
        (("--levels", "3"), "--levels"),
    ],
)
def test_options_out_of_range_or_of_other_plugins_are_refused(
    gcodec: Command, file: Path, tmp_path: Path, words: tuple[str, ...], part: str
) -> None:
    fails(gcodec("decode", file, "-o", tmp_path / "a.png", *words), 2, part)
    assert "a.png" not in listing(tmp_path)


# --- what is there


def test_plugins_lists_everything(gcodec: Command) -> None:
    text = succeeds(gcodec("plugins"))
    for name in ("tiny", "test/layered", "grain", "preview", "edges", "preview -> sketch: for"):
        assert name in text
    assert "gcodec-under-test 1.0" in text
    found = json.loads(succeeds(gcodec("plugins", "--json")))
    by_name = {plugin["plugin"]: plugin for plugin in found}
    assert by_name["under-test"]["error"] is None
    tiny = {"kind": "embedding", "name": "tiny", "summary": "for tests", "missing": None}
    assert tiny in by_name["under-test"]["offers"]


def test_matrix_shows_every_pair(gcodec: Command, installed: Any) -> None:
    rows = json.loads(succeeds(gcodec("matrix", "--json")))
    assert len(rows) == len(installed.embeddings) * len(installed.reconstructors)
    (row,) = (r for r in rows if (r["embedding"], r["reconstructor"]) == ("tiny", "outline"))
    assert (row["works"], row["cost"]) == (True, 20)
    (row,) = (r for r in rows if (r["embedding"], r["reconstructor"]) == ("tiny", "fussy"))
    assert not row["works"]
    assert "tokens/book + text" in row["reason"]
    text = succeeds(gcodec("matrix"))
    assert "preview -> sketch by edges (20); sketch" in text
    assert "none: 'fussy' cannot decode 'tiny'" in text


def test_info_shows_every_byte(gcodec: Command, file: Path) -> None:
    text = succeeds(gcodec("info", file))
    data = file.read_bytes()
    assert f"bytes           {len(data)}" in text
    found = json.loads(succeeds(gcodec("info", file, "--json")))
    assert found["bytes"] == len(data) == sum(row["bytes"] for row in found["layout"])
    assert found["overhead"] + found["beside"] + found["payload"] == len(data)


def test_info_prints_nothing_that_a_terminal_would_obey(
    gcodec: Command, tmp_path: Path, photo: Picture
) -> None:
    header = gcx.Header(
        gcx.Identity(id=200, profile=1),
        gcx.Size(1, 1),
        {1: ["\x1b[2J\n", {"\x1b]0;x\x07": "\r"}], 99: "\x1b[31mred"},
    )
    path = tmp_path / "evil.gcx"
    path.write_bytes(gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, b"\1\xffabc")])))
    assert "\x1b" not in succeeds(gcodec("info", path))
    assert json.loads(succeeds(gcodec("info", path, "--json")))["extensions"]["key 99"]
    done = gcodec("decode", path, "-o", tmp_path / "a.png")
    succeeds(done)
    assert b"passed over" in done.stderr
    assert b"\x1b" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_verify_says_what_it_proved(gcodec: Command, file: Path, tmp_path: Path) -> None:
    assert "stage 1 is the sender's, bit for bit" in succeeds(gcodec("verify", file))
    found = json.loads(succeeds(gcodec("verify", file, "--json")))
    assert (found["proved"], found["embedding"]) == (True, "tiny")


def test_models_are_listed_and_digested(gcodec: Command, tmp_path: Path) -> None:
    assert json.loads(succeeds(gcodec("models", "--json"))) == []
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "m.safetensors").write_bytes(b"")
    digest = succeeds(gcodec("models", "--digest", tmp_path)).strip()
    assert len(bytes.fromhex(digest)) == 32
    (tmp_path / "m.safetensors").write_bytes(b"x")
    assert succeeds(gcodec("models", "--digest", tmp_path)).strip() != digest


# --- help


def test_the_bare_command_shows_the_help(gcodec: Command) -> None:
    text = succeeds(gcodec())
    assert text == succeeds(gcodec("--help"))
    for name in ("encode", "decode", "mix", "info", "verify", "plugins", "matrix", "models"):
        assert name in text


def test_every_command_has_the_help_line_that_the_list_shows(gcodec: Command) -> None:
    from gcodec.cli import _ELSEWHERE, cli

    context = cli.make_context("gcodec", ["--help"], resilient_parsing=True)
    for name in set(cli.list_commands(context)) - {*_ELSEWHERE}:
        assert succeeds(gcodec(name, "--help")).startswith(f"Usage: gcodec {name} ")


def test_the_version_is_the_distributions(gcodec: Command) -> None:
    from importlib.metadata import version

    assert succeeds(gcodec("--version")).strip() == f"gcodec {version('gcodec')}"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["encod"], ["there is no command 'encod'", "did you mean encode"]),
        (["xyzzy"], ["there is no command 'xyzzy'", "gcodec --help"]),
        (["info"], ["Missing argument 'IN'", "gcodec info --help"]),
        (["--nope"], ["--nope"]),
        (["encode", "a.png", "--dtype", "int3"], ["float32", "gcodec encode --help"]),
        (["encode", "a.png", "--threads", "0"], ["--threads"]),
        (["encode", "a.png", "--seed", "-1"], ["--seed"]),
        (["encode", "a.png", "--seed", str(2**64)], ["--seed"]),
        (["encode", "a.png", "--models", "/no/such/folder"], ["/no/such/folder"]),
        (["encode", "a.png", "--embed", "tiny", "--quality", "1.5"], ["quality is from 0 to 1"]),
        (["encode", "a.png", "--embed", "tiny", "--quality", "0.5", "--bpp", "1"], ["not several"]),
        (["encode", "a.png", "--embed", "tiny", "--bytes", "0"], ["bytes is 1 or more"]),
        (["encode", "a.png", "--embed", "tiny", "--bpp", "nan"], ["bpp is more than 0"]),
        (["mix", "-", "--embed", "tiny", "--recon", "preview"], ["not standard input"]),
        (["mix", "a.png", "--embed", ",", "--recon", "preview"], ["--embed names no plugin"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_usage_errors_are_one_line(gcodec: Command, words: list[str], parts: list[str]) -> None:
    fails(gcodec(*words), 2, *parts)


def test_python_and_the_command_make_the_same_file(
    gcodec: Command, pictures: Path, tmp_path: Path, photo: Picture
) -> None:
    out = tmp_path / "a.gcx"
    succeeds(gcodec("encode", pictures / "photo.png", "-o", out, "--embed", "tiny"))
    assert out.read_bytes() == encode(photo, "tiny").data
    assert decode(out.read_bytes()).embedding == "tiny"
