"""`gcodec batch --engine ray` on two nodes: the files of an unbroken run on one machine, whatever dies; never a hang."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "batch/tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from clusters import ADDRESS, Cluster
from data_sets import at_file, contents, picture, report, without

Run = subprocess.CompletedProcess[str]
GCODEC = (sys.executable, "-m", "gcodec", "batch", "encode", "in")
WORK = ("--embed", "webp", "--bpp", "1")
RAY = ("--engine", "ray", "--address", ADDRESS)
TARS = ("--tars", "--shard-size", "6")


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    """Whose workers wait at one input for as long as `held` is there: a run is not over before what happens to it."""
    if find_spec("ray") is None:
        pytest.skip("there is no Ray here")
    (folder / "site").mkdir()
    wait = (
        f"[time.sleep(0.02) for _ in iter(lambda: os.path.exists({str(folder / 'held')!r}), False)]"
    )
    with pytest.MonkeyPatch.context() as patch:
        at_file("20.png", wait, folder / "site", patch)
        try:
            made = Cluster()
        except OSError as error:
            pytest.skip(f"there is no network for Ray alone: {error}")
        yield made
        made.close()


@pytest.fixture
def held(folder: Path) -> Iterator[Path]:
    """Delete it to let the runs of this test go on."""
    sign = folder / "held"
    sign.touch()
    yield sign
    sign.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `in`, forty pictures of which one is none, and what an unbroken run makes of them here."""
    top = tmp_path_factory.mktemp("batch")
    (top / "in").mkdir()
    for seed in range(39):
        picture(seed, 256).save(top / "in" / f"{seed:02d}.png")
    (top / "in/bad.png").write_bytes(b"bad")
    for name, layout in (("tree", ()), ("tars", TARS)):
        made = here(top, name, *layout, "--jobs", "2")
        assert made.returncode == 21, made.stderr
    return top


def here(top: Path, *words: str) -> Run:
    command = [*GCODEC, *words, *WORK]
    return subprocess.run(command, cwd=top, capture_output=True, text=True, timeout=120)


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def one_line(made: Run, status: int) -> str:
    assert made.returncode == status, made.stderr
    (line,) = made.stderr.strip().splitlines()
    return line


def test_a_worker_and_then_a_node_die(cluster: Cluster, folder: Path, held: Path) -> None:
    out = folder / "killed"
    run = cluster.room.start(
        *(*GCODEC, "killed", *WORK, *RAY, "--json"),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: len(list(out.glob("*.gcx"))) >= 4)
    os.kill(cluster.room.processes("gcodec_batch._worker")[0], signal.SIGKILL)
    wait_for(lambda: len(list(out.glob("*.gcx"))) >= 8)
    os.kill(cluster.room.processes("ray::Node")[0], signal.SIGKILL)
    wait_for(lambda: len(list(out.glob("*.gcx"))) >= 14)
    cluster.cut(1)
    held.unlink()
    said, wrong = run.communicate(timeout=120)
    cluster.add(f"--address={ADDRESS}")
    assert run.returncode == 21, wrong
    found = report(subprocess.CompletedProcess((), 21, said, wrong))
    assert (found["count"], found["failed"], found["made_now"]) == (40, 1, 40)
    assert contents(out) == contents(folder / "tree")
    assert not [path.name for path in out.rglob("*") if path.suffix in (".part", ".journal")]


def test_ctrl_c_and_another_engine(cluster: Cluster, folder: Path, held: Path) -> None:
    run = cluster.room.start(
        *(*GCODEC, "stopped", *WORK, *TARS, *RAY), cwd=folder, stderr=subprocess.PIPE
    )
    state = folder / "stopped/.gcodec-batch"
    wait_for(lambda: list(folder.glob("stopped/*_stats.json")))
    os.kill(cluster.room.processes("gcodec\0batch")[0], signal.SIGINT)
    _, wrong = run.communicate(timeout=30)
    assert (run.returncode, wrong.strip()) == (130, "gcodec: interrupted")
    wait_for(lambda: not cluster.room.processes("gcodec_batch._worker"), 20)
    assert list(state.glob("*.journal"))
    held.unlink()
    last = here(folder, "stopped", *TARS, "--json")
    assert 0 < int(str(report(last)["made_now"])) < 36
    assert contents(folder / "stopped") == contents(folder / "tars")


def test_nodes_that_do_not_see_the_destination(cluster: Cluster, folder: Path) -> None:
    (folder / "unseen").mkdir()
    own = f"mount -t tmpfs none '{folder}/unseen' && exec \"$@\""  # seen by this one process
    command = ("unshare", "-m", "sh", "-c", own, "sh", *GCODEC, "unseen", *WORK, *RAY)
    made = cluster.room.run(*command, cwd=folder)
    assert f"does not see {folder / 'unseen'}: every node needs" in one_line(made, 12)


def test_no_room(cluster: Cluster, folder: Path) -> None:
    gpu = cluster.room.run(*(*GCODEC, "never", *WORK, *RAY, "--device", "cuda"), cwd=folder)
    assert "has room for a worker of 1 CPU, 0.7 GB, 1 GPU" in one_line(gpu, 12)
    assert not (folder / "never").exists()
    # Others have it all, and stay: no worker ever begins.
    hold = (
        "import ray, time; ray.init('auto', log_to_driver=False, logging_level='ERROR')\n"
        "hold = ray.remote(type('Hold', (), {'f': lambda self: 1})).options(num_cpus=1)\n"
        "kept = [hold.remote(), hold.remote()]; ray.get([one.f.remote() for one in kept])\n"
        "print('held', flush=True); time.sleep(60)"
    )
    other = cluster.room.start(sys.executable, "-c", hold, stdout=subprocess.PIPE)
    # Ray may say here that the node of an earlier test is dead.
    assert other.stdout is not None and "held\n" in iter(other.stdout.readline, "")
    full = cluster.room.run(*(*GCODEC, "full", *WORK, *RAY, "--patience", "3"), cwd=folder)
    os.kill(cluster.room.processes("Hold")[0], signal.SIGKILL)
    other.communicate()
    assert "free are 0 of 2 CPU" in one_line(full, 12)


def test_the_head_dies(cluster: Cluster, folder: Path, held: Path) -> None:
    """The last of those that use the cluster: there is none afterwards."""
    run = cluster.room.start(
        *(*GCODEC, "beheaded", *WORK, *RAY, "--patience", "5"), cwd=folder, stderr=subprocess.PIPE
    )
    wait_for(lambda: list(folder.glob("beheaded/*.gcx")))
    cluster.cut(0)
    for pid in cluster.room.processes("gcs_server"):
        os.kill(pid, signal.SIGKILL)
    _, wrong = run.communicate(timeout=110)
    assert run.returncode == 12, wrong
    assert wrong.strip().startswith(f"gcodec: the cluster at {ADDRESS} ")
    assert len(wrong.strip().splitlines()) == 1
    cluster.close()
    held.unlink()
    here(folder, "beheaded")
    assert contents(folder / "beheaded") == contents(folder / "tree")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "--engine ray wants the --address HOST:PORT"),
        (("--address", "ray://head:10001"), 2, "is no address of a cluster"),
        (("--address", "head:port"), 2, "is no address of a cluster"),
        (("--address", "127.0.0.1:1", "--device", "cuda:1"), 2, "of its own: --device cuda"),
        (("--address", "127.0.0.1:1"), 12, "nobody answers at 127.0.0.1:1"),
    ],
)
def test_no_cluster(folder: Path, words: tuple[str, ...], status: int, said: str) -> None:
    assert said in one_line(here(folder, "out", "--engine", "ray", *words), status)
    assert not (folder / "out").exists()


def test_one_that_listens_and_never_answers(folder: Path) -> None:
    if find_spec("ray") is None:
        pytest.skip("there is no Ray here")
    with socket.create_server(("127.0.0.1", 0)) as dumb:
        address = f"127.0.0.1:{dumb.getsockname()[1]}"
        words = ("--engine", "ray", "--address", address, "--patience", "2")
        assert "does not answer" in one_line(here(folder, "out", *words), 12)


def test_without_ray_it_says_what_to_install(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without("ray", tmp_path, monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as dumb:
        address = f"127.0.0.1:{dumb.getsockname()[1]}"
        made = here(folder, "out", "--engine", "ray", "--address", address)
    assert "it needs ray, which is not installed: pip install ray" in one_line(made, 4)
    assert not (folder / "out").exists()


def test_what_a_node_lacks_is_said(tmp_path: Path) -> None:
    """Folders and a device that only the machine with the command has; Ray is not asked."""
    from gcodec_ray._node import Node

    (tmp_path / "sign").touch()
    node = Node(str(tmp_path), 1, {}, None)
    there = ("sign", {}, None, [str(tmp_path)])
    assert not node.unfit(*there, "cpu")
    assert "option 'device' of 'gcodec' is 'cuda:99'" in node.unfit(*there, "cuda:99")
    nowhere = str(tmp_path / "nowhere")
    assert f"does not see {nowhere}: every node" in node.unfit("sign", {}, None, [nowhere], "cpu")
    assert "has gcodec-base" in node.unfit("sign", {"gcodec-base": "0.0"}, None, [], "cpu")


def test_engines_by_name(folder: Path) -> None:
    line = one_line(here(folder, "out", "--engine", "nosuch"), 3)
    assert "no installed engine of batch is called 'nosuch'" in line
    assert "there are processes, ray" in line
    refused = here(folder, "out", "--address", "127.0.0.1:6379")
    assert "--address is for engines of a cluster" in one_line(refused, 2)
