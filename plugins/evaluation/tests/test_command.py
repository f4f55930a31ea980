"""``gcodec eval``: real files, fresh processes, a journal that is gone on with."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import support
from evaluation_runs import evaluate, numbers, points

PAIR = ("--embed", "tiny", "--recon", "preview,grain")
QUALITIES = ("--quality", "0.5,0.8")


@pytest.fixture(scope="module")
def done(folder: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation of two pictures by one embedding and two reconstructors at two qualities."""
    out = tmp_path_factory.mktemp("done") / "out"
    support.succeeds(evaluate(folder, out, *PAIR, *QUALITIES, site=[site]))
    return out


def test_sizes_are_those_of_the_files_and_numbers_those_of_a_receiver(
    done: Path, folder: Path, site: Path, tmp_path: Path
) -> None:
    from gcodec.pictures import load_image, psnr

    found = points(done)
    assert len(found) == 8
    for point in found:
        file = done / point["file"]
        assert point["bytes"] == file.stat().st_size
        assert point["bpp"] == 8 * point["bytes"] / (point["width"] * point["height"])
        back = tmp_path / "back.png"
        words = ["decode", file, "-o", back, "--recon", point["reconstructor"], "--force"]
        support.succeeds(support.gcodec(*words, site=[site]))
        original = load_image(folder / point["image"])
        assert point["psnr"] == psnr(original.pixels, load_image(back).pixels)
        assert point["encode_seconds"] > 0 and point["decode_seconds"] > 0
        assert point["decode_peak_bytes"] > 10_000_000
    # One of each process's points tells what its first call took.
    assert sum(point["decode_warmup_seconds"] is not None for point in found) == 2


def test_the_receiver_is_alone(folder: Path, smugglers: Path, tmp_path: Path) -> None:
    """An embedding that hides pictures from its files gains nothing by it."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    surroundings = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}
    words = ("--embed", "test/tiny,test/smuggling", "--recon", "preview", "--quality", "0.2")
    words = ("eval", "two", "-o", "out", *words, "--metrics", "psnr", "--jobs", "1")
    shutil.copytree(folder, tmp_path / "two")
    support.succeeds(support.gcodec(*words, site=[smugglers], cwd=tmp_path, **surroundings))
    assert len(list(tmp_path.rglob("KIT_ORIGINAL.npy"))) >= 3
    found = {(p["embedding"], p["image"]): p["psnr"] for p in points(tmp_path / "out")}
    assert len(found) == 4
    for (embedding, image), psnr in found.items():
        assert psnr == found["test/tiny", image] < 40, f"{embedding}: {psnr} dB"


def test_what_is_written_says_the_same_in_every_form(done: Path) -> None:
    found = points(done)
    with (done / "results.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [(r["image"], int(r["bytes"]), float(r["psnr"])) for r in table] == [
        (p["image"], p["bytes"], p["psnr"]) for p in found
    ]
    summary = json.loads((done / "summary.json").read_text())
    assert len(summary["means"]) == 4
    for mean in summary["means"]:
        same = [p for p in found if all(p[k] == mean[k] for k in ("reconstructor", "target"))]
        assert mean["images"] == mean["of_images"] == len(same) == 2
        assert mean["psnr"] == pytest.approx(sum(p["psnr"] for p in same) / 2)
    sender, _ = summary["conditions"]["series"]["tiny+preview"]
    assert sender["software"]["gcodec-under-test"] == "1.0"
    assert (done / "summary.md").read_text().startswith("| embed | recon | target |")
    assert not any((done / "pictures").iterdir())


def test_plots_are_drawn(done: Path) -> None:
    pytest.importorskip("matplotlib")
    from gcodec.pictures import load_image

    assert load_image(done / "plots" / "psnr.png").pixels.std() > 0.05
    assert b"bits per pixel" in (done / "plots" / "psnr.svg").read_bytes()


def test_the_same_again_computes_nothing_and_more_only_what_is_new(
    done: Path, folder: Path, site: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(done, out)
    journal = (out / "journal.jsonl").read_bytes()
    before = points(out)
    support.succeeds(evaluate(folder, out, *PAIR, *QUALITIES, site=[site]))
    assert (out / "journal.jsonl").read_bytes() == journal
    assert points(out) == before

    more = ("--quality", "0.5,0.8,1")
    support.succeeds(evaluate(folder, out, *PAIR, *more, "--amount", 0.25, site=[site]))
    new = (out / "journal.jsonl").read_bytes()
    assert new.startswith(journal)
    entries = [json.loads(line)["identity"] for line in new[len(journal) :].splitlines()]
    # Two pictures at the new quality; --amount is what it was by default.
    assert sorted(e["step"] for e in entries) == ["decode"] * 4 + ["encode"] * 2 + ["judge"] * 4
    kept = [p for p in points(out) if p["target"] != "q 1"]
    assert kept == before


def test_a_file_that_was_changed_is_made_again(
    done: Path, folder: Path, site: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(done, out)
    file = out / points(out)[0]["file"]
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    support.succeeds(evaluate(folder, out, *PAIR, *QUALITIES, site=[site]))
    assert file.read_bytes() == whole
    assert numbers(out) == numbers(done)


def test_two_jobs_find_what_one_finds(done: Path, folder: Path, site: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    support.succeeds(evaluate(folder, out, *PAIR, *QUALITIES, "--jobs", 2, site=[site]))
    assert numbers(out) == numbers(done)
    assert {point["encode_threads"] for point in points(out)} == {max(1, _cores() // 2)}


def _cores() -> int:
    from gcodec_eval._machine import machine

    cores: int = machine()["cores"]
    return cores


def test_interrupted_it_ends_at_once_and_goes_on_from_there(
    done: Path, folder: Path, site: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    # The slow embedding takes a minute a picture; by then the first has been finished.
    words = ["eval", folder, "-o", out, "--embed", "tiny,test/slow", *PAIR[2:], *QUALITIES]
    process = subprocess.Popen(
        support.command([*words, "--metrics", "psnr", "--jobs", 1]),
        env=support.environment(site),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    journal = out / "journal.jsonl"
    deadline = time.monotonic() + 100
    while not (journal.exists() and journal.read_bytes().count(b"\n") == 20):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - start < 10
    assert process.returncode == 130
    # What a plugin prints goes to the error stream, and the slow one may have spoken by then.
    assert said.decode().removeprefix("working\n").strip() == "gcodec: interrupted"
    with pytest.raises(ProcessLookupError):
        for _ in range(50):  # no process of the session is left, once the system has cleared up
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    kept = journal.read_bytes()
    support.succeeds(evaluate(folder, out, *PAIR, *QUALITIES, site=[site]))
    assert journal.read_bytes() == kept
    assert numbers(out) == numbers(done)


def test_processes_end_with_an_evaluation_that_is_killed(
    folder: Path, site: Path, tmp_path: Path
) -> None:
    words = ["eval", folder, "-o", tmp_path / "out", "--embed", "test/slow", "--jobs", 1]
    process = subprocess.Popen(
        support.command([*words, "--recon", "preview", "--metrics", "psnr"]),
        env=support.environment(site),
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == b"working\n"  # says the sender
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    process.stderr.close()


def test_failures_are_rows_with_their_reason(
    folder: Path, site: Path, broken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["--embed", "tiny,test/defect", "--recon", "preview,raises,dies", "--bytes", "10,5000"]
    made = evaluate(folder, out, *words, "--limit", 1, site=[site, broken])
    assert made.returncode == 21
    assert made.stderr.decode().splitlines()[-1] == "gcodec: 11 of 12 points failed"
    said = made.stdout.decode()
    errors = {
        (p["embedding"], p["reconstructor"], p["target"]): p["error"] and p["error"].split(":")[0]
        for p in points(out)
    }
    assert errors == {
        ("tiny", "preview", "10 B"): "TargetTooSmall",
        ("tiny", "raises", "10 B"): "TargetTooSmall",
        ("tiny", "dies", "10 B"): "TargetTooSmall",
        ("tiny", "preview", "5000 B"): None,
        ("tiny", "raises", "5000 B"): "PluginError",
        ("tiny", "dies", "5000 B"): "WorkerError",
        **{
            ("test/defect", r, t): "PluginError"
            for r in ("preview", "raises", "dies")
            for t in ("10 B", "5000 B")
        },
    }
    # The name of the picture holds a line break, which the table does without.
    assert "tiny, 10 B: too small a size for -a b'$(c) .png; means" in said
    assert "tiny, 5000 B: WorkerError at -a b'$(c) .png; means" in said


def test_a_folder_as_people_have_it(folder: Path, site: Path, tmp_path: Path) -> None:
    """A picture that is there twice, one that is damaged, one that is gone; beside them what is none."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    photo = (folder / "ü.webp").read_bytes()
    for name in ("a.webp", "b.webp"):
        (source / name).write_bytes(photo)
    (source / "cut.webp").write_bytes(photo[:99])
    (source / "gone.png").symlink_to("nowhere.png")
    for name in ("._a.webp", ".hidden", "notes.txt"):
        (source / name).write_text("none")
    words = ("--embed", "tiny", "--recon", "preview", "--quality", "1")
    done = evaluate(source, out, *words, site=[site])
    assert done.returncode == 21
    warned, said = done.stderr.decode().splitlines()
    assert "3 files are no picture by name and passed over: ._a.webp, .hidden, notes.txt" in warned
    assert said == "gcodec: 2 of 4 points failed"
    rows = {p["image"]: p for p in points(out)}
    assert rows["a.webp"]["psnr"] == rows["b.webp"]["psnr"] == "inf"
    assert rows["a.webp"]["image_sha256"] == rows["b.webp"]["image_sha256"]
    assert rows["cut.webp"]["error"].startswith("ImageError: ")
    assert (
        rows["gone.png"]["error"]
        == "ImageError: gone.png: cannot be read: No such file or directory"
    )
    assert "ImageError at cut.webp, gone.png; means are over the others" in done.stdout.decode()

    def no_number(word: str) -> None:
        raise AssertionError(word)

    for line in (out / "journal.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=no_number)
    again = evaluate(source, out, *words, site=[site])
    assert points(out)[0]["psnr"] == "inf" and again.stdout == done.stdout


def test_a_pair_without_a_path_is_a_row(folder: Path, site: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--embed", "tiny", "--recon", "preview,fussy,heavy", "--quality", "1", "--limit", 1)
    assert evaluate(folder, out, *words, site=[site]).returncode == 21
    errors = {p["reconstructor"]: p["error"] for p in points(out)}
    assert errors.pop("preview") is None
    assert errors["fussy"].startswith("NoPath: ") and errors["heavy"].startswith("ModelMissing: ")


def test_the_folder_of_the_pictures_is_not_written_to(
    folder: Path, site: Path, tmp_path: Path
) -> None:
    source = tmp_path / "pictures"
    shutil.copytree(folder, source)
    before = support.listing(tmp_path)
    words = ("--embed", "tiny", "--recon", "preview", "--quality", "1", "--force")
    for out in (source, tmp_path):
        done = evaluate(source, out, *words, site=[site])
        assert done.returncode == 8 and b"it is the input" in done.stderr
    assert support.listing(tmp_path) == before


def test_metrics_that_cannot_be_had_are_none_and_said_so(
    folder: Path, site: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["--embed", "tiny", "--recon", "preview", "--quality", "0.5"]
    metrics = ["--metrics", "psnr,ms_ssim,lpips,fid", "--weights", tmp_path]
    said = support.succeeds(evaluate(folder, out, *words, *metrics, site=[site]))
    for point in points(out):
        assert point["lpips"] is point["ms_ssim"] is None
        assert point["psnr"] > 10 and point["error"] is None
    assert "LPIPS is not measured. LPIPS: " in said and "FID is not measured. " in said
    assert "MS-SSIM: 56x40 is too small" in said or "MS-SSIM: 40x48 is too small" in said
    (mean,) = json.loads((out / "summary.json").read_text())["means"]
    assert mean["lpips"] is mean["fid"] is mean["ms_ssim"] is None


def test_options_of_a_method_can_be_compared(folder: Path, site: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    recon = "grain:amount=0,grain:amount=0.5:invert=true,preview"
    words = ["--embed", "tiny", "--recon", recon, "--quality", "0.8", "--limit", 1]
    support.succeeds(evaluate(folder, out, *words, "--keep", site=[site]))
    found = {p["reconstructor"]: p for p in points(out)}
    clean, noisy, preview = (found[name]["psnr"] for name in recon.split(","))
    assert clean == preview
    assert noisy < clean - 10
    pictures = support.listing(out / "pictures")
    assert len(pictures) == 3
    journal = (out / "journal.jsonl").read_bytes()
    next((out / "pictures").iterdir()).unlink()
    support.succeeds(evaluate(folder, out, *words, "--keep", site=[site]))
    assert support.listing(out / "pictures") == pictures
    # One picture was decoded again, to be kept; no number was taken again.
    new = (out / "journal.jsonl").read_bytes()[len(journal) :].splitlines()
    assert [json.loads(line)["identity"]["step"] for line in new] == ["decode"]


def test_rate_differences_against_a_baseline(folder: Path, site: Path, tmp_path: Path) -> None:
    pytest.importorskip("bjontegaard")
    out = tmp_path / "out"
    recon = "preview,grain:amount=0.02"
    words = ["--embed", "tiny", "--recon", recon, "--quality", "0,0.2,0.4,0.5,0.7,0.8"]
    said = support.succeeds(
        evaluate(folder, out, *words, "--baseline", "tiny+preview", site=[site])
    )
    (found,) = json.loads((out / "summary.json").read_text())["differences"]
    # Noise costs bits at equal quality.
    assert found["psnr"] > 1 and found["psnr_images"] == 2
    assert (
        f"{found['psnr']:+.1f}" in said
        and f"{found['psnr']:+.1f}" in (out / "summary.md").read_text()
    )


def test_what_cannot_be_meant_is_one_line_before_any_work(
    folder: Path, tmp_path: Path, gcodec: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    out, full = tmp_path / "out", tmp_path / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("irreplaceable")
    empty = tmp_path / "empty"
    empty.mkdir()
    for status, words, text in (
        (3, [folder, "--embed", "tiney"], "did you mean tiny"),
        (3, [folder, "--embed", "tiny", "--recon", "nobody"], "nobody"),
        (5, [folder, "--embed", "tiny", "--recon", "fussy"], "fussy"),
        (9, [folder, "--embed", "tiny", "--recon", "heavy"], "test/none"),
        (2, [folder, "--embed", "tiny", "--recon", "grain:amount=loud"], "a number from 0 to 1"),
        (2, [folder, "--embed", "tiny", "--recon", "grain:volume=1"], "volume"),
        (2, [folder, *PAIR, "--bpp", "much"], "--bpp takes numbers"),
        (2, [folder, *PAIR, "--bpp", "-1"], "more than 0"),
        (2, [folder, *PAIR, "--metrics", "vmaf"], "vmaf"),
        (2, [folder, *PAIR, "--baseline", "webp"], "webp+preview"),
        (2, [folder, *PAIR, "--baseline", "tiny+flow"], "tiny+flow"),
        (2, [folder, *PAIR, "--range", "1"], "--range"),
        (2, [folder, *PAIR, "--device", "abacus"], "there is no device 'abacus'"),
        (2, [folder, *PAIR, "--device", "cuda:99"], "'cuda:99'; it must be"),
        (7, [empty, *PAIR], "no picture"),
        (7, [tmp_path / "absent", *PAIR], "absent"),
    ):
        support.fails(gcodec("eval", *words, "-o", out), status, text)
        assert not out.exists()
    support.fails(gcodec("eval", folder, *PAIR, "-o", full), 8, "full", "--force")
    assert [path.name for path in full.iterdir()] == ["thesis.txt"]
    support.fails(gcodec("eval", folder, *PAIR, "-o", tmp_path / "no" / "way"), 8, "way")


def test_an_evaluation_of_other_pictures_is_not_gone_on_with(
    done: Path, site: Path, tmp_path: Path
) -> None:
    from gcodec.pictures import save_image
    from gcodec.testing import pictures

    out = tmp_path / "out"
    shutil.copytree(done, out)
    other = tmp_path / "other"
    other.mkdir()
    save_image(pictures.as_picture(pictures.photograph(20, 24)), other / "c.png")
    words = ["--embed", "tiny", "--recon", "preview", "--quality", "0.5"]
    support.fails(evaluate(other, out, *words, site=[site]), 8, "other pictures", "--force")
    assert support.listing(out) == support.listing(done)
    support.succeeds(evaluate(other, out, *words, "--force", site=[site]))
    assert [point["image"] for point in points(out)] == ["c.png"]
