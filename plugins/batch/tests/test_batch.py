"""What becomes of a data set: every input has a row, every success a file, whatever else there is."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_sets import contents, data_of, picture, report, rows, write_tar

import gcodec

Batch = Callable[..., CompletedProcess[str]]
QUICK = ("--embed", "jpeg", "--quality", "0.3")


def test_a_tree_is_mirrored_and_every_input_has_a_row(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    made = batch("encode", photos, "out", *QUICK, "--json")
    assert made.returncode == 21
    assert "1 of 7 inputs failed" in made.stderr
    assert report(made) | {"failures": None} == {
        "dest": "out",
        "count": 7,
        "failed": 1,
        "made_now": 7,
        "passed_over": ["._0.png", "notes.txt"],
        "failures": None,
    }
    out = tmp_path / "out"
    assert sorted(contents(out)) == [
        "0.gcx",
        "1.gcx",
        "2.gcx",
        "3.gcx",
        "a b/same.jpg.gcx",
        "a b/same.png.gcx",
    ]
    table = {row["source"]: row for row in rows(out / "rows.parquet")}
    assert list(table) == sorted(table)
    assert table["cut.png"]["status"] == "failed"
    assert table["cut.png"]["error"].startswith("ImageError: ")
    whole = table["0.png"]
    assert (whole["status"], whole["width"], whole["height"]) == ("success", 48, 48)
    assert whole["bytes"] == (out / "0.gcx").stat().st_size
    # The same file as one alone.
    alone = gcodec.encode(photos / "0.png", "jpeg", target=gcodec.Target(quality=0.3))
    assert (out / "0.gcx").read_bytes() == alone.data


def test_a_second_run_makes_nothing_again(photos: Path, tmp_path: Path, batch: Batch) -> None:
    batch("encode", photos, "out", *QUICK)
    before = (tmp_path / "out/0.gcx").stat().st_mtime_ns
    again = batch("encode", photos, "out", *QUICK, "--json")
    assert report(again)["made_now"] == 0
    assert report(again)["failed"] == 1
    assert again.returncode == 21
    assert (tmp_path / "out/0.gcx").stat().st_mtime_ns == before


@pytest.mark.parametrize("kind", [(), ("--tars",)], ids=["tree", "tars"])
def test_files_of_a_shard_that_are_gone_or_damaged(
    photos: Path, tmp_path: Path, batch: Batch, kind: tuple[str, ...]
) -> None:
    words = ("encode", photos / "a b", "out", *QUICK, "--json", *kind)
    assert batch(*words).returncode == 0
    folder = tmp_path / "out" / ("" if kind else ".gcodec-batch")
    before = contents(tmp_path / "out")
    (folder / ("00000.tar" if kind else "00000.parquet")).unlink()
    again = batch(*words)
    assert report(again)["made_now"] == (2 if kind else 1)
    assert contents(tmp_path / "out") == before
    if kind:
        (folder / "00000.tar").write_bytes(before["00000.tar"][:1700])
        assert report(batch(*words))["made_now"] == 2
        assert contents(tmp_path / "out") == before
    for name in ("00000.parquet", "00000_stats.json")[len(kind) :]:
        (folder / name).write_text("x")
        refused = batch(*words)
        assert refused.returncode == 8
        assert f"{name}: what a run wrote there cannot be read; remove it" in refused.stderr
        (folder / name).unlink()
        assert batch(*words).returncode == 0
    assert contents(tmp_path / "out") == before


def test_files_of_a_finished_tree_that_are_gone_are_made_again(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    words = ("encode", photos, "out", *QUICK, "--json", "--shard-size", "3")
    batch(*words)
    before = contents(tmp_path / "out")
    (tmp_path / "out/1.gcx").unlink()
    (tmp_path / "out/2.gcx").write_bytes(b"")
    shutil.rmtree(tmp_path / "out/a b")
    again = batch(*words)
    assert (again.returncode, report(again)["made_now"]) == (21, 4)
    assert contents(tmp_path / "out") == before
    assert report(batch(*words))["made_now"] == 0


def test_what_failed_is_tried_again_when_asked(photos: Path, tmp_path: Path, batch: Batch) -> None:
    batch("encode", photos, "out", *QUICK)
    stat = (photos / "cut.png").stat()
    again = batch("encode", photos, "out", *QUICK, "--retry", "--json")
    assert report(again)["made_now"] == 1, "the damaged one alone"
    picture(6).save(photos / "cut.png")
    assert (photos / "cut.png").stat().st_size != stat.st_size
    mended = batch("encode", photos, "out", *QUICK, "--update", "--json")
    assert (mended.returncode, report(mended)["made_now"]) == (0, 1)
    assert (tmp_path / "out/cut.gcx").is_file()


@pytest.mark.parametrize("tars", [(), ("--tars", "--shard-size", "3")])
def test_other_inputs_are_noticed_and_taken_in_when_asked(
    photos: Path, tmp_path: Path, batch: Batch, tars: tuple[str, ...]
) -> None:
    batch("encode", photos, "out", *QUICK, *tars)
    picture(7).save(photos / "new.png")
    picture(8, 64).save(photos / "1.png")
    refused = batch("encode", photos, "out", *QUICK, *tars)
    assert refused.returncode == 2
    assert "1 are new, 1 changed, 0 gone (1.png first)" in refused.stderr
    taken = batch("encode", photos, "out", *QUICK, *tars, "--update", "--json")
    assert report(taken)["made_now"] == 2
    assert report(taken)["count"] == 8
    assert report(batch("encode", photos, "out", *QUICK, *tars, "--json"))["made_now"] == 0
    # One that is gone keeps what was made of it, and is said once.
    (photos / "1.png").unlink()
    refused = batch("encode", photos, "out", *QUICK, *tars)
    assert refused.returncode == 2 and "0 changed, 1 gone (1.png first)" in refused.stderr
    for more in (("--update",), ()):
        told = report(batch("encode", photos, "out", *QUICK, *tars, *more, "--json"))
        assert (told["made_now"], told["count"]) == (0, 8)
    picture(9, 64).save(photos / "1.png")
    assert batch("encode", photos, "out", *QUICK, *tars).returncode == 2
    back = batch("encode", photos, "out", *QUICK, *tars, "--update", "--json")
    assert report(back)["made_now"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--embed", "jpeg", "--quality", "0.4"), "quality was 0.3, now 0.4"),
        (("--embed", "webp", "--quality", "0.3"), "embed was 'jpeg', now 'webp'"),
        ((*QUICK, "--tars"), "tars was False, now True"),
        ((*QUICK, "--shard-size", "3"), "shard_size was None, now 3"),
    ],
)
def test_other_options_are_refused(
    photos: Path, batch: Batch, words: tuple[str, ...], said: str
) -> None:
    batch("encode", photos / "a b", "out", *QUICK)
    other = batch("encode", photos / "a b", "out", *words)
    assert other.returncode == 2
    assert f"begun with other options ({said}); take the same, or another" in other.stderr


def test_tars_are_webdataset_and_repeat_byte_for_byte(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    for name in ("one", "two"):
        batch("encode", photos, name, *QUICK, "--tars", "--shard-size", "4", jobs=2)
    one = contents(tmp_path / "one")
    assert one == contents(tmp_path / "two")
    assert list(one) == ["00000.tar", "00001.tar"]
    with tarfile.open(tmp_path / "one/00000.tar") as tar:
        names = tar.getnames()
        member = tar.extractfile("0000000001.json")
        assert member is not None
        about = json.load(member)
    # Sorted by name: 0.png, 1.png, 2.png, 3.png.
    assert names[:4] == ["0000000000.gcx", "0000000000.json", "0000000001.gcx", "0000000001.json"]
    assert about["source"] == "1.png"
    assert "seconds" not in about
    stats = json.loads((tmp_path / "one/00001_stats.json").read_text())
    assert (stats["count"], stats["failed"]) == (3, 1)
    assert stats["status_dict"] == {"ImageError": 1, "success": 2}
    assert [row["key"] for row in rows(tmp_path / "one/00001.parquet")] == [
        "0000100000",
        "0000100001",
        "0000100002",
    ]


def test_a_tar_of_samples_keeps_what_stands_beside_the_pictures(
    tmp_path: Path, batch: Batch
) -> None:
    write_tar(
        tmp_path / "in.tar",
        {
            "000.png": data_of(picture(1)),
            "000.txt": b"a caption",
            "000.json": b'{"from": "somewhere"}',
            "001.png": data_of(picture(2)),
            "001.seg.png": b"never looked at",
        },
    )
    made = batch("encode", "in.tar", "out", *QUICK, "--tars", "--json")
    assert made.returncode == 0, made.stderr
    with tarfile.open(tmp_path / "out/00000.tar") as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    assert list(files) == [
        "0000000000.gcx",
        "0000000000.json",
        "0000000000.txt",
        "0000000001.gcx",
        "0000000001.json",
        "0000000001.seg.png",
    ]
    assert files["0000000000.txt"] == b"a caption"
    about = json.loads(files["0000000000.json"])
    assert (about["from"], about["source"]) == ("somewhere", "in.tar/000.png")


@pytest.mark.parametrize("blocks", [1, 2, 3, 5])
def test_a_tar_that_is_cut_says_so(tmp_path: Path, batch: Batch, blocks: int) -> None:
    members = {f"{n:03d}.png": data_of(picture(n)) for n in range(3)}
    write_tar(tmp_path / "whole.tar", members)
    data = (tmp_path / "whole.tar").read_bytes()
    body = sum(512 + -(-len(part) // 512) * 512 for part in members.values())
    # Within a picture, at the border of two members, without the two blocks of zeros, with one of them.
    cut = {
        1: body - 700,
        2: body - 512 - -(-len(members["002.png"]) // 512) * 512,
        3: body,
        5: body + 512,
    }
    (tmp_path / "cut.tar").write_bytes(data[: cut[blocks]])
    made = batch("encode", "cut.tar", "out", *QUICK)
    assert made.returncode == 21
    assert "cut" in made.stderr or "unexpected end" in made.stderr
    assert len(contents(tmp_path / "out")) >= 2


def test_parquet_as_hugging_face_writes_it(tmp_path: Path, batch: Batch) -> None:
    images = [{"bytes": data_of(picture(n)), "path": f"{n}.png"} for n in range(3)]
    images.append({"bytes": b"", "path": "nothing.png"})
    pq.write_table(
        pa.table({"label": [0, 1, 2, 3], "image": images}),
        tmp_path / "in.parquet",
        row_group_size=2,
    )
    made = batch("encode", "in.parquet", "out", *QUICK, "--json")
    assert (made.returncode, report(made)["failed"]) == (21, 1)
    alone = gcodec.encode(data_of(picture(2)), "jpeg", target=gcodec.Target(quality=0.3))
    assert (tmp_path / "out/in.parquet/0001-000000.gcx").read_bytes() == alone.data


def test_decode_and_transcode(photos: Path, tmp_path: Path, batch: Batch) -> None:
    batch("encode", photos, "files", *QUICK)
    (tmp_path / "files/damaged.gcx").write_bytes((tmp_path / "files/0.gcx").read_bytes()[:-3])
    made = batch("decode", "files", "pictures", "--json")
    assert (made.returncode, report(made)["failed"]) == (21, 1)
    assert report(made)["passed_over"] == [], "what the run before left is nothing to tell of"
    decoded = gcodec.decode(tmp_path / "files/a b/same.png.gcx").picture
    again = gcodec.load_image(tmp_path / "pictures/a b/same.png.png")
    assert abs(again.pixels - decoded.pixels).max() <= 0.5001 / 255
    (tmp_path / "files/damaged.gcx").unlink()
    moved = batch("transcode", "files", "webp", "--embed", "webp", "--bpp", "3", "--json")
    assert moved.returncode == 0, moved.stderr
    assert gcodec.inspect((tmp_path / "webp/0.gcx").read_bytes())["embedding"] == "webp"
    shards = batch("transcode", "webp", "shards", *QUICK, "--tars")
    assert shards.returncode == 0, shards.stderr
    back = batch("decode", "shards", "back", "--json")
    assert (back.returncode, report(back)["passed_over"]) == (0, [])


def test_patterns_and_ranges(photos: Path, tmp_path: Path, batch: Batch) -> None:
    made = batch("encode", f"{photos}/**/*.jpg", "jpgs", *QUICK)
    assert made.returncode == 0, made.stderr
    assert list(contents(tmp_path / "jpgs")) == ["a b/same.gcx"]
    for number in range(3):
        write_tar(tmp_path / f"{number:03d}.tar", {"0.png": data_of(picture(number))})
    made = batch("encode", f"{tmp_path}/{{000..001}}.tar", "two", *QUICK, "--json")
    assert report(made)["count"] == 2


def test_nothing_that_no_run_made_is_written_over(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    batch("encode", photos, "files", *QUICK)
    shutil.rmtree(tmp_path / "files/.gcodec-batch")
    before = contents(tmp_path / "files")
    for source in ("files", photos):  # over its own inputs, and over what is somebody else's
        verb = "transcode" if source == "files" else "encode"
        made = batch(verb, source, "files", "--embed", "webp")
        assert made.returncode == 8
        assert "0.gcx is there, and no run made it" in made.stderr
    assert contents(tmp_path / "files") == before


def test_a_shards_folder_of_another_run_is_not_mixed_with(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    batch("encode", photos, "out", *QUICK, "--tars")
    shutil.rmtree(tmp_path / "out/.gcodec-batch")
    refused = batch("encode", photos, "out", *QUICK, "--tars")
    assert refused.returncode == 8
    assert "00000.tar" in refused.stderr


def test_of_several_files_that_are_tried_the_best_is_kept(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    words = ("--embed", "text_sketch", "--bytes", "150", "--tries", "3", "--judge", "preview")
    made = batch("encode", photos / "a b", "out", *words, "--metric", "psnr", "--json")
    assert made.returncode == 0, made.stderr
    trials = gcodec.Trials(3, "preview", metric="psnr")
    alone = gcodec.encode(
        photos / "a b/same.png", "text_sketch", target=gcodec.Target(bytes=150), trials=trials
    )
    assert (tmp_path / "out/same.png.gcx").read_bytes() == alone.data
    other = batch("encode", photos / "a b", "out", *words[:4])
    assert other.returncode == 2 and "begun with other options" in other.stderr
    assert "--tries needs a reconstructor" in batch("encode", photos, "out2", *words[:6]).stderr
