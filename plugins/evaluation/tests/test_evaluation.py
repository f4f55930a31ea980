"""The parts of an evaluation: rate differences, journal, processes, means."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from pathlib import Path
from typing import Any

import evaluation_tasks
import pytest

from gcodec.errors import ImageError, OutputError, UsageError
from gcodec.pipeline.ratecontrol import Target
from gcodec.plugin import EmbeddingSpec
from gcodec_eval import Method, NoDifference, Request, bd_rate, find_images
from gcodec_eval._identity import software, sources
from gcodec_eval._journal import JOURNAL, open_journal
from gcodec_eval._machine import machine
from gcodec_eval._processes import Crew, work
from gcodec_eval._summary import as_quality, differences, means

#: x265 at two presets, from the documentation of the package bjontegaard.
ANCHOR = [(9487.76, 40.037), (4593.60, 38.615), (2486.44, 36.845), (1358.24, 34.851)]
TEST = [(9787.80, 40.121), (4469.00, 38.651), (2451.52, 36.970), (1356.24, 34.987)]


def test_bd_rate_is_the_librarys() -> None:
    library = pytest.importorskip("bjontegaard")
    found = bd_rate(ANCHOR, TEST)
    # In any order, and against the library called by hand.
    assert found == bd_rate(ANCHOR[::-1], sorted(TEST))
    columns = [list(axis) for points in (ANCHOR, TEST) for axis in zip(*points, strict=True)]
    assert found == pytest.approx(library.bd_rate(*columns, method="akima"), abs=1e-9)
    assert found == pytest.approx(-4.425245, abs=1e-6)


def test_half_the_bits_are_minus_50_per_cent_up_or_down() -> None:
    pytest.importorskip("bjontegaard")
    half = [(rate / 2, value) for rate, value in ANCHOR]
    assert bd_rate(ANCHOR, half) == pytest.approx(-50)
    assert bd_rate(half, ANCHOR) == pytest.approx(100)
    falling = [[(rate, 1 / value) for rate, value in curve] for curve in (ANCHOR, half)]
    assert bd_rate(*falling, rises=False) == pytest.approx(-50)


def test_a_point_that_another_beats_is_left_out() -> None:
    pytest.importorskip("bjontegaard")
    worse = [*TEST, (5000.0, 30.0), (9787.80, 39.0), TEST[0]]
    assert bd_rate(ANCHOR, worse) == bd_rate(ANCHOR, TEST)


def test_no_rate_difference_without_enough_in_common() -> None:
    with pytest.raises(NoDifference, match="3 points that differ"):
        bd_rate(ANCHOR, TEST[:3])
    with pytest.raises(NoDifference, match="3 points that differ"):
        bd_rate(ANCHOR, [*TEST[:3], (1e5, math.inf)])
    with pytest.raises(NoDifference, match="less than half"):
        bd_rate(ANCHOR, [(rate, value + 3) for rate, value in TEST])


def request(**more: Any) -> Request:
    values: dict[str, Any] = {
        "images": (Path("a"), Path("b")),
        "embeddings": (Method("x"), Method("y")),
        "reconstructors": (Method("preview"),),
        "targets": tuple(Target(bpp=rate) for rate in (0.1, 0.2, 0.4, 0.8)),
        "metrics": ("psnr",),
        "baseline": ("x", "preview"),
    }
    return Request(**{**values, **more})


def row(embedding: str, image: str, rate: float, psnr: float | None, **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "embedding": embedding,
        "reconstructor": "preview",
        "target": f"{rate:g} bpp",
        "image": "",
        "image_sha256": image,
        "error": None,
        "bpp": rate,
        "psnr": psnr,
        "encode_seconds": 1.0,
        "decode_seconds": 2.0,
        "encode_peak_bytes": 10,
        "decode_peak_bytes": 20,
    }
    return {**values, **more}


def rows(*, saving: dict[str, float]) -> list[dict[str, Any]]:
    """x reaches 30 + 3 log2(rate) dB; y the same with a share less bits, for each picture its own."""
    rates = (0.1, 0.2, 0.4, 0.8)
    quality = {image: 30.0 + 5 * number for number, image in enumerate(saving)}
    found = [row("x", i, r, q + 3 * math.log2(r)) for i, q in quality.items() for r in rates]
    return found + [
        row("y", image, r, quality[image] + 3 * math.log2(r / (1 - share)))
        for image, share in saving.items()
        for r in rates
    ]


def test_rate_differences_are_averaged_over_pictures_not_over_curves() -> None:
    pytest.importorskip("bjontegaard")
    made = rows(saving={"a": 0.1, "b": 0.4})
    (found,), notes = differences(made, [], request())
    assert found["psnr"] == pytest.approx(-25) and found["psnr_images"] == 2
    assert notes == []


def test_rate_differences_keep_to_the_range_and_say_what_is_missing() -> None:
    pytest.importorskip("bjontegaard")
    made = rows(saving={"a": 0.1, "b": 0.4})
    (found,), notes = differences(made, [], request(bpp_range=(0.15, 1.0)))
    assert found["psnr"] is None and found["psnr_images"] == 0
    assert notes == [
        "BD-rate of y+preview by PSNR, 0 of 2 pictures: a curve has 3 points that differ; it takes 4 (2 times)"
    ]
    # By several metrics: said once.
    several = [one | {"lpips": 0.5 - one["psnr"] / 100} for one in made]
    _, notes = differences(several, [], request(bpp_range=(0.15, 1.0), metrics=("psnr", "lpips")))
    (note,) = notes
    assert note.startswith("BD-rate of y+preview by PSNR, LPIPS, 0 of 2 pictures: a curve has 3")
    # A file a little below its target still counts.
    (found,), _ = differences(made, [], request(bpp_range=(0.102, 0.8)))
    assert found["psnr"] == pytest.approx(-25)


def test_ms_ssim_is_compared_in_decibels_of_what_it_lacks() -> None:
    """0.9 is 10 dB, 0.99 is 20 dB: curves that are lines in log rate there differ by the same share everywhere."""
    pytest.importorskip("bjontegaard")
    made = [
        {**point, "ms_ssim": 1 - 10 ** (-point["psnr"] / 30)} for point in rows(saving={"a": 0.25})
    ]
    (found,), _ = differences(made, [], request(metrics=("ms_ssim",)))
    assert found["ms_ssim"] == pytest.approx(-25)
    assert as_quality("ms_ssim", 0.99) == pytest.approx(20)
    assert as_quality("ms_ssim", 1.0) == math.inf and as_quality("psnr", 30.0) == 30.0


def test_a_set_that_lacks_a_picture_is_no_point_of_a_curve() -> None:
    pytest.importorskip("bjontegaard")
    made = rows(saving={"a": 0.2})

    def average(images: int) -> list[dict[str, Any]]:
        """Return means that fall with the rate, of which one series has the least rate over fewer pictures."""
        return [
            {**p, "fid": 90 - p["psnr"], "images": images if p["bpp"] == 0.1 else 2, "of_images": 2}
            for p in made
        ]

    (found,), notes = differences(made, average(2), request(metrics=("fid",)))
    assert found["fid"] == pytest.approx(-20, abs=0.5) and notes == []
    (found,), (note,) = differences(made, average(1), request(metrics=("fid",)))
    assert found["fid"] is None and "3 points that differ" in note


def test_means_are_over_the_pictures_that_reached_the_target_and_say_so() -> None:
    made = [
        row("x", "a", 0.1, 30.0),
        row("x", "b", 0.1, None, error="TargetTooSmall: no", bpp=None),
        row("x", "a", 0.2, 31.0, bpp=0.15),
        row("x", "b", 0.2, 33.0, bpp=0.2, decode_peak_bytes=50),
        row("x", "a", 0.4, 31.0),
        row("x", "b", 0.4, None),
    ]
    first, second, third = means(made, {}, request())
    assert (first["images"], first["of_images"], first["psnr"]) == (1, 2, 30.0)
    assert second["psnr"] == 32 and second["bpp"] == pytest.approx(0.175)
    assert second["decode_peak_bytes"] == 50
    # A mean over the pictures that happen to have a value would pass for the mean over all.
    assert third["psnr"] is None and third["bpp"] == 0.4


def test_a_request_that_cannot_be_meant_is_refused() -> None:
    for text, more in {
        "no metric is called 'vmaf'": {"metrics": ("vmaf",)},
        "named twice": {"targets": (Target(bpp=0.1), Target(bpp=0.1))},
        "at least one image": {"images": ()},
        "baseline z\\+preview is none of x\\+preview, y\\+preview": {"baseline": ("z", "preview")},
        "the lesser first": {"bpp_range": (1.0, 0.1)},
    }.items():
        with pytest.raises(UsageError, match=text):
            request(**more)


def test_pictures_are_found_by_suffix_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.webp", "-x.jpg", "new\nline.png", "notes.txt", ".png", "._a.webp"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "c.png").mkdir()
    with pytest.warns(UserWarning, match="3 files are no picture by name") as said:
        found = [path.name for path in find_images(tmp_path)]
    assert str(said[0].message).endswith("passed over: ._a.webp, .png, notes.txt")
    assert found == ["-x.jpg", "a.webp", "b.PNG", "new\nline.png"]
    for name in ("._a.webp", ".png", "notes.txt"):
        (tmp_path / name).unlink()
    assert len(find_images(tmp_path, 2)) == 2
    for suffix in ("gif", "jp2", "pgm", "tga", "qoi"):
        (tmp_path / f"z.{suffix}").touch()
    assert len(find_images(tmp_path)) == len(found) + 5
    with pytest.raises(ImageError, match="no picture"):
        find_images(tmp_path / "c.png")
    with pytest.raises(ImageError, match="cannot be read"):
        find_images(tmp_path / "absent")


def test_a_journal_keeps_what_was_added_and_drops_half_a_line(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.add({"step": "encode", "image": "a"}, {"bytes": 7, "value": math.inf})
    with (tmp_path / JOURNAL).open("ab") as stream:
        stream.write(b'{"key": "cut sho')
    with open_journal(tmp_path) as journal:
        assert journal.get({"image": "a", "step": "encode"}) == {"bytes": 7, "value": math.inf}
        assert journal.get({"image": "b", "step": "encode"}) is None
        journal.add({"step": "encode", "image": "b"}, {"bytes": 8})
    with open_journal(tmp_path) as journal:
        assert [e["result"]["bytes"] for e in journal.entries.values()] == [7, 8]


def test_a_journal_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = b"Dear diary,\n"
    (tmp_path / JOURNAL).write_bytes(text)
    with pytest.raises(OutputError, match="line 1"), open_journal(tmp_path):
        pass
    assert (tmp_path / JOURNAL).read_bytes() == text


def test_one_evaluation_at_a_time_writes_a_journal(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with (
        open_journal(tmp_path),
        pytest.raises(OutputError, match="another evaluation"),
        open_journal(tmp_path),
    ):
        pass
    with open_journal(tmp_path):
        pass


def test_work_is_done_in_other_processes_with_their_share_of_threads() -> None:
    found = dict(work(evaluation_tasks.double, {n: n for n in (1, 2, 3)}, Crew(2, 1)))
    assert {task: result["value"] for task, result in found.items()} == {1: 2, 2: 4, 3: 6}
    assert os.getpid() not in {result["pid"] for result in found.values()}
    assert {result["threads"] for result in found.values()} == {"1"}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_processes_keep_to_their_share_of_cores() -> None:
    cores = tuple(sorted(os.sched_getaffinity(0)))
    found = dict(work(evaluation_tasks.double, {1: 1, 2: 2}, Crew(2, 1, cores)))
    assert {result["cores"] for result in found.values()} == {1}
    assert tuple(sorted(os.sched_getaffinity(0))) == cores


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_task_that_kills_its_process_harms_no_other(jobs: int) -> None:
    tasks = {task: task for task in (1, "die", 3, 4)}
    found = dict(work(evaluation_tasks.double, tasks, Crew(jobs, 1)))
    assert {task: result.get("value") for task, result in found.items()} == {
        1: 2,
        "die": None,
        3: 6,
        4: 8,
    }
    assert "memory" in found["die"]["error"]["text"]


def test_whoever_stops_waiting_ends_the_processes(tmp_path: Path) -> None:
    path = tmp_path / "pid"

    def stop(*_: object) -> None:
        if path.exists() and path.read_text():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(work(evaluation_tasks.sleep, {"a minute": path}, Crew(1, 1)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(int(path.read_text()), 0)
            time.sleep(0.1)


def test_the_identity_of_software_changes_with_its_sources(tmp_path: Path) -> None:
    """Code and data of a package at any depth, of a module alone, of one's own part of a namespace; nothing else."""
    import support

    def software_of(implementation: str) -> dict[str, str]:
        sources.cache_clear()
        return software([EmbeddingSpec("t", "t", implementation, ("preview",), "A")])

    files = {
        "pack_under_test/__init__.py": "",
        "pack_under_test/inner/__init__.py": "",
        "pack_under_test/inner/codec.py": "T = 1",
        "pack_under_test/tables.json": "[1]",
        "pack_under_test/__pycache__/codec.pyc": "",
        "alone_under_test.py": "T = 1",
        "space_under_test/mine/__init__.py": "",
        "space_under_test/mine/codec.py": "T = 1",
        "space_under_test/yours/__init__.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with support.importable(tmp_path):
        for implementation, owned in {
            "pack_under_test.inner.codec:T": (
                "__init__.py",
                "inner/__init__.py",
                "inner/codec.py",
                "tables.json",
            ),
            "alone_under_test:T": ("alone_under_test.py",),
            "space_under_test.mine.codec:T": ("mine/__init__.py", "mine/codec.py"),
        }.items():
            first = software_of(implementation)
            assert {"gcodec", "gcodec-formats", "numpy", "gcodec sources"} <= set(first)
            assert software_of(implementation) == first
            counted = set()
            for name, text in files.items():
                (tmp_path / name).write_text(text + "\n")
                if software_of(implementation) != first:
                    counted.add(name)
                (tmp_path / name).write_text(text)
            assert {n.partition("_under_test/")[2] or n for n in counted} == set(owned)


def test_the_identity_of_software_does_not_know_what_was_asked_before() -> None:
    """What else a request names is no reason to do a result anew."""
    alone = software([])
    with_torch = software([EmbeddingSpec("t", "t", "json:loads", ("preview",), "A")], ours=True)
    assert set(with_torch) > set(alone) == set(software([]))
    assert software([]) == alone


def test_the_machine_is_described_without_its_name() -> None:
    import getpass
    import platform

    text = json.dumps(machine())
    assert machine()["cores"] >= 1
    assert platform.node() not in text
    assert f'"{getpass.getuser()}"' not in text
