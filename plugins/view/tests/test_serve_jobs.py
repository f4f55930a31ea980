"""Jobs of `gcodec serve`: what they make, what ends them, and what is left of them."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from results import crop
from serving import ask, headers, post, say, serving, task

import gcodec
import gcodec_formats as gcx
from gcodec_view.serving import jobs

GOLDEN = Path(__file__).parents[3] / "tests/golden"

#: A job that says that it has begun, starts a process of its own, and never ends; both pids are in the folder PIDS.
ENDLESS = """
import os, subprocess, sys, time
from gcodec_view.serving.frames import Frame, write_frame
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
for pid in (os.getpid(), child.pid):
    open(os.path.join({pids!r}, str(pid)), "w").close()
open("litter", "w").close()
write_frame(sys.stdout.buffer, Frame({{"is": "progress", "what": "begun", "done": 0, "total": 0}}))
time.sleep(300)
"""

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process makes temporary folders; nothing may stay in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> bytes:
    return crop(tmp_path / "photo.png").read_bytes()


@pytest.fixture
def pids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Has every job be the endless one."""
    folder = tmp_path / "pids"
    folder.mkdir()
    monkeypatch.setattr(jobs, "_COMMAND", [sys.executable, "-c", ENDLESS.format(pids=str(folder))])
    return folder


def wait(what: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.05)


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def all_ended(folder: Path) -> bool:
    return all(ended(int(path.name)) for path in folder.iterdir())


def begun(server: Any, body: bytes = b"") -> Any:
    """A connection on which a job was asked for."""
    told = "".join(f"{key}: {value}\n" for key, value in headers(server).items())
    length = f"Content-Length: {len(body)}\n"
    connection = say(server, f"POST /TOKEN/job HTTP/1.1\nHost: HOST\n{told}{length}\n")
    connection.sendall(body)
    return connection


def started(server: Any) -> bytes:
    """How the answer to one who asks for a job, and leaves, begins."""
    connection = begun(server)
    said: bytes = connection.recv(64)
    connection.close()
    return said


def until(connection: Any, word: bytes) -> None:
    """Hear until a word is said."""
    said = b""
    while word not in said:
        part = connection.recv(1 << 16)
        assert part, said[-300:]
        said += part


def test_a_picture_becomes_a_file_and_a_picture(photo: bytes, temporary: Path) -> None:
    """The same as by the Python interface, and nothing is left of it."""
    with serving() as server:
        answer = post(server, task(photo, metrics=["psnr"], options={"effort": 2}))
    parts = {f.table["name"]: f.data for f in answer.frames if f.table["is"] == "part"}
    assert answer.last["is"] == "made", answer.last
    point, picture = answer.last["point"], answer.last["picture"]
    wanted = gcodec.encode(
        photo, "webp", target=gcodec.Target(quality=0.4), options={"effort": 2}
    ).data
    assert parts[point["file"]["part"]] == wanted and point["bytes"] == len(wanted)
    decoded = gcodec.load_image(parts[point["decoded"]["part"]]).to_array()
    assert (decoded == gcodec.decode(wanted, "preview").picture.to_array()).all()
    assert (picture["width"], picture["height"]) == (128, 96)
    assert picture["part"] == picture["sha256"] == hashlib.sha256(photo).hexdigest()
    assert picture["part"] not in parts  # the page has it
    assert 20 < point["values"]["psnr"] < 60
    said = gcodec.decode(wanted, "preview", fidelity=True).fidelity
    assert said is not None
    gray = np.asarray(Image.open(io.BytesIO(parts[point["fidelity"]["part"]])), np.float32)
    assert abs(gray / 4 - np.minimum(said, 255 / 4)).max() <= 0.126
    assert point["commands"] == [
        "gcodec encode photo.png -o photo.webp.gcx --embed webp:effort=2 --quality 0.4",
        "gcodec decode photo.webp.gcx --recon preview",
    ]
    assert list(temporary.iterdir()) == []


def test_of_a_file_only_the_picture_is_made(temporary: Path) -> None:
    """A progressive one that was cut short, as far as it goes."""
    data = (GOLDEN / "uqdm.gcx").read_bytes()
    given = {"name": "a.gcx", "embedding": None, "target": {}}
    with serving() as server:
        answer = post(server, task(data[:-20], **given))
    assert answer.last["is"] == "made", answer.last
    assert answer.last["picture"] is None
    assert answer.last["point"]["fidelity"] is None, "where uqdm errs has not been measured"
    assert answer.last["point"]["commands"] == ["gcodec decode a.gcx --recon preview"]
    decoded = answer.last["point"]["decoded"]["part"]
    seen = next(f.data for f in answer.frames if f.table.get("name") == decoded)
    wanted = gcodec.decode(data[:-20], "preview", partial=True).picture.to_array()
    assert (gcodec.load_image(seen).to_array() == wanted).all()


def png_of_zeros(side: int) -> bytes:
    """A PNG of a few hundred kB that claims, and has, so many gray pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = zlib.compress(bytes(side * (side // 8 + 1)), 9)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_what_cannot_be_done_is_one_line(photo: bytes, temporary: Path) -> None:
    ntc = gcx.read((GOLDEN / "ntc.gcx").read_bytes())
    huge = gcx.write(
        gcx.File(gcx.Header(ntc.header.identity, gcx.Size(16384, 16384), {}), ntc.segments)
    )
    file = {"name": "a.gcx", "embedding": None}
    bodies = {
        task(photo[:2000]): ("ImageError", "photo.png|damaged|cut|truncated"),
        task(png_of_zeros(16384)): ("ImageError", "1000000"),
        task(huge, **file): ("FormatError|LimitExceeded", "1000000"),
        task((GOLDEN / "ntc.gcx").read_bytes()[:50], **file): (
            "Truncated|ChecksumMismatch|Format",
            "",
        ),
        b"\xff" * 40: ("UsageError", "no task"),
        task(photo, embedding="../../etc/passwd"): ("UnknownPlugin", "installed"),
        task(photo, metrics=[[]]): ("UsageError", "psnr"),
        task(photo, reconstructor="flow", settings={"steps": 0}): ("InvalidOption", "steps"),
    }
    with serving() as server:
        for body, (name, text) in bodies.items():
            answer = post(server, body)
            last = answer.last
            assert "file" not in [frame.table["is"] for frame in answer.frames]
            assert last["is"] == "error", last
            assert any(word in last["name"] for word in name.split("|")), last
            assert any(word in last["text"] for word in text.split("|")), last
            assert "\n" not in last["text"]
    assert list(temporary.iterdir()) == []


@linux
def test_memory_is_bounded() -> None:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((2000, 3000, 3), np.uint8)).save(stream, "PNG")
    with serving(pixels=10_000_000, memory=2**28) as server:
        answer = post(server, task(stream.getvalue(), embedding="ntc"))
    assert answer.last["name"] == "TooLittleMemory" and "--max-memory" in answer.last["text"]


@linux
def test_time_is_bounded(pids: Path, temporary: Path) -> None:
    with serving(seconds=1) as server:
        answer = post(server, b"")
        assert answer.last["is"] == "error" and "--timeout" in answer.last["text"]
        assert len(list(pids.iterdir())) == 2 and all_ended(pids)
        assert list(temporary.iterdir()) == []


@linux
def test_a_process_is_started_ahead_and_does_one_job(photo: bytes, temporary: Path) -> None:
    """One that ended while it waited is replaced; nothing is left of one that never had a job."""

    def children() -> set[int]:
        tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        found = (int(pid) for path in tasks for pid in path.read_text().split())
        return {pid for pid in found if not ended(pid)}

    seen = children()
    with serving(ahead=True) as server:
        server.jobs.get_ready()
        (first,) = children() - seen
        made = post(server, task(photo)).last
        assert made["is"] == "made", made
        wait(lambda: len(children() - seen) == 1)
        (second,) = children() - seen
        assert second != first and len(list(temporary.iterdir())) == 1
        os.kill(second, signal.SIGKILL)
        wait(lambda: ended(second))
        again = post(server, task(photo)).last
        assert again["is"] == "made"
        assert again["point"]["file"]["sha256"] == made["point"]["file"]["sha256"]
    assert children() == seen and list(temporary.iterdir()) == []


def test_a_job_that_dies_is_said(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    monkeypatch.setattr(jobs, "_COMMAND", [sys.executable, "-c", "import os; os._exit(7)"])
    with serving() as server:
        last = post(server, b"").last
    assert last == {"is": "error", "name": "Ended", "text": "its process ended with status 7"}
    assert list(temporary.iterdir()) == []


@linux
def test_one_is_done_one_waits_and_others_are_told(pids: Path, temporary: Path) -> None:
    """Whoever leaves ends his job, and what it had started; then it is the turn of the one who waited."""
    with serving() as server:
        first = begun(server)
        wait(lambda: len(list(pids.iterdir())) == 2)
        second = begun(server)
        until(second, b"Waiting")
        third = post(server, b"")
        assert third.status == 503 and b"another job" in third.body
        assert int(third.headers["Retry-After"]) > 0
        assert ask(server, "GET", f"/{server.token}/").status == 200  # the page is there meanwhile
        before = [path.name for path in pids.iterdir()]
        first.close()
        wait(lambda: all(ended(int(pid)) for pid in before), 5)
        wait(lambda: len(list(pids.iterdir())) == 4)
        waiting = begun(server)
        until(waiting, b"Waiting")
        waiting.close()  # who leaves while he waits has his place no longer
        wait(lambda: b" 200 " in started(server), 5)
        second.close()
        wait(lambda: all_ended(pids), 5)
        wait(lambda: not list(temporary.iterdir()), 5)


@linux
def test_the_servers_end_is_that_of_the_job(pids: Path, temporary: Path) -> None:
    with serving() as server:
        connection = begun(server)
        wait(lambda: len(list(pids.iterdir())) == 2)
    assert all_ended(pids) and list(temporary.iterdir()) == []
    connection.close()


#: A job that says more than anybody takes.
LOUD = """
import sys
from gcodec_view.serving.frames import Frame, write_frame
while True:
    write_frame(sys.stdout.buffer, Frame({"is": "part", "name": "x"}, bytes(1 << 20)))
"""


def test_nor_does_one_wait_who_does_not_listen(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    monkeypatch.setattr(jobs, "_COMMAND", [sys.executable, "-c", LOUD])
    with serving() as server:
        connection = begun(server)
        until(connection, b"Starting")
        time.sleep(1)
        began = time.monotonic()
    assert time.monotonic() - began < 5 and list(temporary.iterdir()) == []
    connection.close()


@pytest.fixture(scope="module")
def built() -> None:
    from gcodec_view import _parts

    if not (Path(_parts.__file__).parent / "page/serve/index.html").exists():
        pytest.skip("the page is not built: make page")


@linux
@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name
)
def test_however_it_ends_nothing_is_left(
    how: signal.Signals, temporary: Path, tmp_path: Path
) -> None:
    """In the midst of a real job: no process, no folder."""
    with subprocess.Popen(
        [sys.executable, "-m", "gcodec", "serve", "--no-open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary)},
    ) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        host, token = address.split("/")[2:4]

        place = ("127.0.0.1", int(host.rpartition(":")[2]))
        known = SimpleNamespace(host=host, token=token, server_address=place)
        source = crop(tmp_path / "large.png", 0, 0, 512, 512).read_bytes()
        long = {"reconstructor": "flow", "settings": {"steps": 64}}
        connection = begun(known, task(source, **long))
        until(connection, b"Decoding")
        (folder,) = temporary.iterdir()
        tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
        started = [int(pid) for path in tasks for pid in path.read_text().split()]
        process.send_signal(how)
        wait(lambda: not folder.exists())
        process.communicate()
    assert process.returncode == (0 if how == signal.SIGINT else -how)
    assert len(started) == 1
    wait(lambda: ended(started[0]))
    connection.close()
    assert list(temporary.iterdir()) == []
