"""What the command does when something is wrong, in processes of its own: one line, a documented status, no debris."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import support
from support import fails, listing, succeeds

import gcodec_formats as gcx
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target

if TYPE_CHECKING:
    from gcodec.pictures import Picture

Command = Callable[..., subprocess.CompletedProcess[bytes]]

VECTORS = Path(__file__).resolve().parents[3] / "spec" / "vectors" / "gcx"


@pytest.fixture
def files(tmp_path: Path, photo: Picture, pictures: Path, installed: object) -> Path:
    """A folder with a picture, a good file, and files with one thing wrong each."""
    folder = tmp_path / "in"
    folder.mkdir()
    for path in pictures.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    good = encode(photo, "tiny", digest=True).data

    def put(name: str, data: bytes) -> None:
        (folder / name).write_bytes(data)

    def rewritten(identity: gcx.Identity | None = None, payload: bytes | None = None) -> bytes:
        file = gcx.read(good)
        (main,) = file.bodies(gcx.MAIN)
        header = replace(file.header, identity=identity or file.header.identity)
        return gcx.write(replace(file, header=header, segments=[gcx.Segment(0, payload or main)]))

    put("good.gcx", good)
    put("empty.gcx", b"")
    put("cut.gcx", good[:-1])
    put("flipped.gcx", good[:30] + bytes([good[30] ^ 4]) + good[31:])
    put("number.gcx", rewritten(gcx.Identity(id=191, profile=1)))
    put("name.gcx", rewritten(gcx.Identity(name="acme/none", profile=1)))
    put("profile.gcx", rewritten(gcx.Identity(id=200, profile=7)))
    put("model.gcx", rewritten(gcx.Identity(name="test/weighted", digest=b"\1" * 8)))
    put("payload.gcx", rewritten(payload=b"\1\xffabc"))
    main = bytearray(gcx.read(good).bodies(gcx.MAIN)[0])
    main[-1] ^= 1
    put("symbols.gcx", rewritten(payload=bytes(main)))
    put("words.gcx", encode(photo, "test/words").data)
    return folder


#: Words of the command, status, parts of the line.
FAILURES = {
    "unknown embedding": ("encode photo.png --embed tinny", 3, "did you mean tiny"),
    "unknown reconstructor": ("decode good.gcx -o new.png --recon gran", 3, "did you mean grain"),
    "unregistered name": ("decode name.gcx", 3, "acme/none"),
    "unregistered number": ("decode number.gcx", 3, "number 191"),
    "unknown profile": ("decode profile.gcx", 3, "no profile 7"),
    "unusable plugin": ("encode photo.png --embed test/absent", 4, "Nowhere"),
    "no path": ("decode words.gcx", 5, "needs preview"),
    "no path in mix": ("mix photo.png --embed test/words --recon preview", 5, "tiny"),
    "target": ("encode photo.png --embed tiny --bytes 15", 6, "15 bytes are too few"),
    "bytes of a file that is not progressive": (
        "decode good.gcx --max-bytes 40",
        2,
        "good.gcx is not progressive",
    ),
    "a model where there are no weights": (
        "encode photo.png --embed tiny --model test/none",
        2,
        "'tiny' has no weights",
    ),
    "a device that is not here": (
        "mix photo.png --embed tiny --recon preview -o mixed --device cuda:99",
        2,
        "'cuda:99'; it must be",
    ),
    "missing picture": ("encode nowhere.png --embed tiny", 7, "nowhere.png", "o such file"),
    "a folder as picture": ("encode . -o new.gcx --embed tiny", 7, "it is a folder"),
    "a folder as picture, and no output": ("encode . --embed tiny", 7, "it is a folder"),
    "a folder as file": ("decode .", 7, "it is a folder"),
    "the input as output": ("encode photo.png -o ./photo.png --embed tiny --force", 8, "the input"),
    "the file as picture": ("decode good.gcx -o good.gcx --force", 8, "the input"),
    "standard output as folder": ("mix photo.png --embed tiny --recon preview -o -", 2, "folder"),
    "not a picture": ("encode not-a-picture.png --embed tiny", 7, "not-a-picture.png"),
    "missing file": ("info nowhere.gcx", 7, "nowhere.gcx"),
    "existing output": ("encode photo.png -o good.gcx --embed tiny", 8, "--force"),
    "missing folder": ("encode photo.png -o no/such/a.gcx --embed tiny", 8, "no/such"),
    "missing folder of mix": (
        "mix photo.png --embed tiny --recon preview -o no/such",
        8,
        "no/such",
    ),
    "folder as output": ("decode good.gcx -o .", 8, "folder"),
    "file as folder": ("encode photo.png -o good.gcx/a.gcx --embed tiny", 8, "good.gcx"),
    "unknown picture format": ("decode good.gcx -o new.xyz", 8, ".png"),
    "missing model": ("decode model.gcx", 9, "0101010101010101"),
    "missing model of stage 2": ("decode good.gcx -o new.png --recon heavy", 9, "test/none"),
    "payload": ("decode payload.gcx", 10, "payload of 'tiny'"),
    "symbols": ("verify symbols.gcx", 11, "symbols.gcx"),
    "worker": ("mix photo.png --embed tiny --recon heavy -o mixed", 12, "test/none"),
    "empty file": ("decode empty.gcx", 20, "empty"),
    "cut file": ("decode cut.gcx", 20, "checksum"),
    "flipped bit": ("verify flipped.gcx", 20, "checksum"),
    "foreign file": ("info photo.png", 20, "not a GCX file"),
    "defect of a plugin": (
        "encode photo.png --embed test/defect",
        18,
        "embedding 'test/defect' of gcodec-under-test: ZeroDivisionError: a mistake in two lines",
        "GCODEC_TRACEBACK",
    ),
}


@pytest.mark.parametrize("case", FAILURES.values(), ids=FAILURES.keys())
def test_each_failure_has_its_status_one_line_and_leaves_nothing(
    files: Path, site: Path, case: tuple[str, int, str]
) -> None:
    words, status, *parts = case
    before = listing(files)
    done = support.gcodec(*words.split(), cwd=files, site=[site])
    fails(done, status, *parts)
    assert not done.stdout
    after = listing(files)
    if status == 12:
        # What was finished before stays: the file itself, whole.
        made = after.pop("mixed/photo.tiny.gcx")
        assert gcx.read(made)
    assert after == before


def test_a_defect_of_its_own_has_another_status(
    gcodec: Command, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gcodec_formats.layout", lambda *a, **k: {}["layout"])
    fails(gcodec("info", files / "good.gcx"), 70, "KeyError: 'layout'", "GCODEC_TRACEBACK")


def test_the_traceback_can_be_had(files: Path, site: Path) -> None:
    words = ("encode", "photo.png", "--embed", "test/defect")
    done = support.gcodec(*words, cwd=files, site=[site], GCODEC_TRACEBACK="1")
    assert b"Traceback" in done.stderr
    assert b"sample_codecs.py" in done.stderr


@pytest.mark.skipif(not VECTORS.is_dir(), reason="spec/vectors is not there")
def test_info_takes_every_good_vector_and_refuses_every_bad_one(gcodec: Command) -> None:
    statuses = set()
    for path in sorted(VECTORS.glob("*.json")):
        expected = json.loads(path.read_text("utf-8"))
        if "limits" in expected:
            continue  # what these are refused for, the command's own limits may let pass
        done = gcodec("info", path.with_suffix(".gcx"))
        if expected.get("operation") == "read":
            fails(done, 20)
        else:
            succeeds(done)
        statuses.add(done.returncode)
    assert statuses == {0, 20}


# --- broken plugins


# --- full disks and closed pipes


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system with 16 KiB of room, all taken but a little."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k,nr_inodes=50", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("file systems can only be mounted by root")
    try:
        (folder / "mine").write_bytes(bytes(8192))
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("force", [False, True])
def test_a_full_disk_is_told_and_keeps_what_was_there(
    files: Path, site: Path, full: Path, force: bool
) -> None:
    if force:
        (full / "a.gcx").write_bytes(b"old")
    before = listing(full)
    words = ["encode", "photo.png", "-o", full / "a.gcx", "--embed", "test/layered"]
    done = support.gcodec(*words, *(["--force"] if force else []), cwd=files, site=[site])
    fails(done, 8, "a.gcx", "the disk is full")
    assert listing(full) == before


@pytest.mark.parametrize(
    "words",
    [
        "encode photo.png -o out/a --embed test/layered",
        "decode good.gcx -o out/a.tiff",
        "mix photo.png -o out --embed test/layered --recon preview",
    ],
)
def test_a_write_that_fails_half_way_leaves_nothing(
    files: Path, site: Path, tmp_path: Path, words: str
) -> None:
    (files / "out").mkdir()
    before = listing(files)
    done = support.gcodec(*words.split(), cwd=files, site=[site], file_limit=300)
    fails(done, 8, "cannot write")
    assert listing(files) == before


@pytest.mark.parametrize(
    "words",
    [
        "encode photo.png -o - --embed tiny",
        "decode good.gcx -o -",
        "info good.gcx",
        "plugins --json",
    ],
)
def test_a_full_disk_behind_standard_output_is_told(files: Path, site: Path, words: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            support.command(words.split()),
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=files,
            env=support.environment(site),
            check=False,
        )
    fails(subprocess.CompletedProcess([], done.returncode, b"", done.stderr), 8, "the disk is full")


def test_a_reader_that_goes_away_ends_the_command_silently(files: Path, site: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        support.command(["decode", "good.gcx", "-o", "-"]),
        stdout=write,
        stderr=subprocess.PIPE,
        cwd=files,
        env=support.environment(site),
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


# --- Ctrl-C


@pytest.mark.parametrize("number", [signal.SIGINT])
@pytest.mark.parametrize("force", [False, True])
def test_ctrl_c_ends_with_130_one_line_and_no_debris(
    files: Path, site: Path, number: signal.Signals, force: bool
) -> None:
    if force:
        (files / "new.gcx").write_bytes(b"old")
    before = listing(files)
    words = ["encode", "photo.png", "-o", "new.gcx", "--embed", "test/slow"]
    with subprocess.Popen(
        support.command([*words, *(["--force"] if force else [])]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=files,
        env=support.environment(site),
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"working\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    lines = [line for line in said.decode().splitlines() if line]
    assert (process.returncode, lines) == (130, ["gcodec: interrupted"])
    assert listing(files) == before


# --- damage at the command line


def test_a_file_cut_or_changed_anywhere_is_refused_in_one_line(
    gcodec: Command, tmp_path: Path, photo: Picture
) -> None:
    good = encode(photo, "tiny", target=Target(quality=0.2), digest=True).data
    path = tmp_path / "a.gcx"
    damaged = [good[:length] for length in range(len(good))]
    damaged += [
        good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :]
        for at in range(len(good))
        for bit in (0, 3, 7)
    ]
    damaged.append(good + b"\0")
    for data in damaged:
        path.write_bytes(data)
        fails(gcodec("decode", path, "-o", tmp_path / "a.png"), 20)
    assert set(listing(tmp_path)) == {"a.gcx"}
