"""``gcodec train`` and ``gcodec train-data`` at the shell: statuses, signals, what is said and what is imported."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import support
from support import fails, succeeds

from gcodec.pictures import save_image
from gcodec.testing import pictures

HERE = Path(__file__).resolve().parent

Command = Callable[..., CompletedProcess[bytes]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for n in range(3):
        save_image(pictures.as_picture(pictures.photograph(40 + n, 48)), folder / f"{n}.png")
    return folder


def test_it_trains_says_so_and_goes_on(
    gcodec: Command, recipe: Path, data: Path, tmp_path: Path
) -> None:
    words = ("train", recipe, "--data", data, "--out", tmp_path / "out", "--device", "cpu")
    assert "step 2 of 6; the same command goes on" in succeeds(gcodec(*words, "--steps", 2))
    done = gcodec(*words, "--json", "--set", "plan.steps=8", "--carry", tmp_path / "carry")
    said = json.loads(succeeds(done))
    assert (said["task"], said["step"], said["steps"]) == ("test/blur", 8, 8)
    assert said["figures"]["held_out.mse"] > 0
    assert (Path(said["model"]) / "config.json").exists()
    assert (tmp_path / "carry" / "carry.json").exists()
    assert b"step 8 of 8: loss" in done.stderr
    assert succeeds(gcodec(*words, "--set", "plan.steps=8")).endswith("step 8 of 8\n")


@pytest.mark.parametrize(
    ("setting", "status", "part"),
    [
        (
            "task='test/blurr'",
            3,
            "no installed trainer is called 'test/blurr'; did you mean test/blur?",
        ),
        (
            "plan.stepz=3",
            14,
            "blur.toml: plan.stepz: its trainer knows no such key; did you mean steps?",
        ),
        ("data.trouble='loss'", 16, "at step 0 the loss is not a finite number"),
        (
            "data.trouble='mistake'",
            18,
            "trainer 'test/blur' of gcodec-under-test: LookupError: no such layer",
        ),
    ],
)
def test_what_cannot_be_is_one_line_with_its_status(
    gcodec: Command, recipe: Path, data: Path, tmp_path: Path, setting: str, status: int, part: str
) -> None:
    words = ("train", recipe, "--data", data, "--out", tmp_path / "out", "--device", "cpu")
    fails(gcodec(*words, "--set", setting), status, part)


def test_a_recipe_that_is_not_there_and_a_checkpoint_of_another(
    gcodec: Command, recipe: Path, data: Path, tmp_path: Path
) -> None:
    words = ("--data", data, "--out", tmp_path / "out", "--device", "cpu")
    fails(gcodec("train", tmp_path / "none.toml", *words), 14, "none.toml: cannot be read")
    succeeds(gcodec("train", recipe, *words, "--steps", 1))
    fails(gcodec("train", recipe, *words, "--set", "seed=6"), 15, "seed is 5 there, 6 here")
    fails(gcodec("train", recipe, *words, "--device", "no-such"), 2, "device")


def test_sigterm_saves_and_ends_with_130(
    site: Path, recipe: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("train", recipe, "--data", data, "--out", out, "--device", "cpu", "--threads", 1)
    process = subprocess.Popen(
        support.command([*words, "--set", "plan.steps=1000000", "--set", "plan.evaluate=20"]),
        env=support.environment(site, HERE),
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 120
    while not (out / "log.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said.decode().splitlines()[-1] == "gcodec: interrupted"
    assert {p.name for p in out.iterdir()} >= {"checkpoint.safetensors", "model", "log.jsonl"}
    assert not list(out.rglob("*.part"))
    fails(
        support.gcodec(*words, "--set", "seed=6", site=[site, HERE]), 15, "seed is 5 there, 6 here"
    )


def test_a_set_of_photographs_is_made_to_fit(gcodec: Command, data: Path, tmp_path: Path) -> None:
    said = json.loads(
        succeeds(gcodec("train-data", data, tmp_path / "set", "--max-bytes", "5kB", "--json"))
    )
    assert said["files"] == 3
    assert said["bytes"] <= 5000
    assert len(list((tmp_path / "set").iterdir())) == 3
    fails(gcodec("train-data", data, tmp_path / "set"), 8, "it exists")
    fails(gcodec("train-data", data, tmp_path / "b", "--max-bytes", "5 furlongs"), 2, "48MiB")


@pytest.fixture
def spotted(data: Path, tmp_path: Path) -> Path:
    """The photographs beside one that is cut short, and beside what is none."""
    folder = tmp_path / "spotted"
    shutil.copytree(data, folder)
    (folder / "1.png").write_bytes((data / "1.png").read_bytes()[:200])
    (folder / "._0.png").write_text("none")
    return folder


def test_an_image_that_cannot_be_read_is_named_and_passed_over(
    gcodec: Command, recipe: Path, spotted: Path, tmp_path: Path
) -> None:
    made = gcodec("train-data", spotted, tmp_path / "set", "--json")
    hidden, unread, said = made.stderr.decode().splitlines()
    assert (made.returncode, said) == (21, "gcodec: 1 of 3 images failed")
    assert "1 file is no picture by name and passed over: ._0.png" in hidden
    assert "1 of 3 images cannot be read: 1.png (" in unread
    report = json.loads(made.stdout)
    assert report["files"] == 2 and [*report["unread"]] == ["1.png"]
    assert {path.name for path in (tmp_path / "set").iterdir()} == {"0.png.avif", "2.png.avif"}

    words = ("train", recipe, "--data", spotted, "--out", tmp_path / "out", "--device", "cpu")
    words = (*words, "--set", "data.held_out=1", "--steps", 1)
    for packed in (False, True):
        done = gcodec(*words)
        text = done.stderr.decode()
        assert done.returncode == 21 and text.endswith("gcodec: 1 of 3 images failed\n")
        assert ("1 of 3 images cannot be read: 1.png (" in text) is not packed
        assert b"step" in done.stdout


def test_a_folder_of_images_that_cannot_be_read_is_refused(
    gcodec: Command, spotted: Path, tmp_path: Path
) -> None:
    for name in ("0.png", "2.png", "._0.png"):
        (spotted / name).unlink()
    fails(gcodec("train-data", spotted, tmp_path / "set"), 7, "1 of 1 images cannot be read: 1.png")
    assert not (tmp_path / "set").exists()


def test_nothing_is_written_among_the_photographs(
    gcodec: Command, recipe: Path, data: Path
) -> None:
    before = support.listing(data)
    for out in (data, data / "run"):
        fails(gcodec("train", recipe, "--data", data, "--out", out), 8, "the photographs")
    assert support.listing(data) == before


@pytest.mark.parametrize(
    "code",
    [
        "from gcodec.cli import main; main(['train', '--help'])",
        "from gcodec.cli import main; main(['train-data', '--help'])",
        "import gcodec_train",
    ],
)
def test_help_and_the_package_import_neither_torch_nor_arrays(code: str) -> None:
    assert imported(code, ["torch", "numpy", "PIL", "safetensors"]) == []


def test_photographs_need_no_torch() -> None:
    assert imported("import gcodec_train.photos, gcodec_train._fit", ["torch"]) == []


def imported(code: str, modules: list[str]) -> list[str]:
    script = (
        "import contextlib, io, json, sys\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    {code}\n"
        f"print(json.dumps([m for m in {modules!r} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found
