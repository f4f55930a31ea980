"""``gcodec mix``: files, records and the fresh process."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import support
from PIL import Image
from safetensors.numpy import save_file

from gcodec.cli.plugin_options import names
from gcodec.pictures.contact_sheet import contact_sheet


def test_names_with_a_vendor_make_no_folders(pictures: Path, site: Path, tmp_path: Path) -> None:
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "test/named,tiny", "--recon", "preview,grain", "-o", "out"]
    done = support.gcodec(*words, "--json", site=[site], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pairs = [f"{e}.{r}" for e in ("test-named", "tiny") for r in ("preview", "grain")]
    expected = {f"photo.{pair}.{suffix}" for pair in pairs for suffix in ("png", "json")}
    expected |= {"photo.test-named.gcx", "photo.tiny.gcx", "photo.sheet.jpg"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == expected
    for record in json.loads(done.stdout):
        assert record["bytes"] == (tmp_path / record["file"]).stat().st_size
        assert json.loads((tmp_path / record["record"]).read_bytes()) == record


def test_all_is_every_installed_name() -> None:
    assert names("all", ["jpeg", "tiny"]) == ["jpeg", "tiny"]
    assert names("tiny, jpeg", ["webp"]) == ["tiny", "jpeg"]


def test_all_brings_the_options_of_all(site: Path, tmp_path: Path) -> None:
    done = support.gcodec("mix", "--recon", "all", "--help", site=[site], cwd=tmp_path)
    assert b"Options of grain" in done.stdout


def test_the_sheet_shows_what_each_pair_made(tmp_path: Path) -> None:
    """Each picture lies where its pair belongs: a row for an embedding, a column for a reconstructor."""
    colours = {"original": 0, "a.x": 60, "a.y": 120, "b.y": 240}
    for name, grey in colours.items():
        Image.new("RGB", (64, 48), (grey, grey, grey)).save(tmp_path / f"{name}.png")
    records = [
        {
            "embedding": e,
            "reconstructor": r,
            "reconstruction": str(tmp_path / f"{e}.{r}.png"),
            "bytes": 10,
            "bpp": 0.1,
            "psnr": 20.0,
            "lpips": None,
            "ms_ssim": 0.5,
        }
        for e, r in ("ax", "ay", "by")
    ]
    with Image.open(io.BytesIO(contact_sheet(tmp_path / "original.png", records))) as sheet:
        width, height = sheet.width // 3, sheet.height // 2
        found = [
            [sheet.getpixel((x * width + 30, y * height + 20)) for x in range(3)] for y in range(2)
        ]
    expected = [[0, 60, 120], [0, 255, 240]]
    for row, greys in zip(found, expected, strict=True):
        for pixel, grey in zip(row, greys, strict=True):
            assert max(abs(value - grey) for value in pixel) <= 3
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet(tmp_path / "original.png", [])


def test_an_option_reaches_every_plugin_that_has_it(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "tiny", "--recon", "grain", "--quality", "1", "--json"]
    grainy, clean = (
        float(json.loads(support.gcodec(*words, *more, site=[site], cwd=folder).stdout)[0]["psnr"])
        for folder, more in (
            (_folder(tmp_path / "a"), ("--amount", "0.5")),
            (_folder(tmp_path / "b"), ("--amount", "0")),
        )
    )
    assert grainy < clean - 10


def test_a_failure_of_the_fresh_process_is_told_in_one_line(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "tiny", "--recon", "heavy", "-o", "out"]
    done = support.gcodec(*words, site=[site], cwd=tmp_path)
    assert done.returncode == 12
    assert len(done.stderr.splitlines()) == 1 and b"test/none" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo.tiny.gcx"]


def test_the_receiver_is_alone(pictures: Path, smugglers: Path, tmp_path: Path) -> None:
    """What the sender leaves in its folders, its environment or beside its files helps only a decoder that is there too."""
    at = {name: str(_folder(tmp_path / name)) for name in ("home", "tmp", "photos")}
    photo = tmp_path / "photos" / "photo.png"
    photo.write_bytes((pictures / "photo.png").read_bytes())
    surroundings = {"HOME": at["home"], "TMPDIR": at["tmp"], "XDG_CACHE_HOME": at["home"]}
    words = ["mix", photo, "--embed", "test/tiny,test/smuggling", "--recon", "preview", "--json"]
    done = support.gcodec(
        *(*words, "--quality", "0.1", "-o", "out"), site=[smugglers], cwd=tmp_path, **surroundings
    )
    honest, hidden = json.loads(support.succeeds(done))
    assert len(list(tmp_path.rglob("KIT_ORIGINAL.npy"))) >= 4
    assert hidden["psnr"] == honest["psnr"] < 35
    decode = ("decode", "out/photo.test-smuggling.gcx", "-o", "there.png", "--recon", "preview")
    support.succeeds(support.gcodec(*decode, site=[smugglers], cwd=tmp_path, **surroundings))
    with Image.open(photo) as original, Image.open(tmp_path / "there.png") as found:
        assert original.tobytes() == found.tobytes(), "this cheat would be no test"


def test_folders_with_models_may_be_given_from_the_working_folder(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    """The receiver works elsewhere; --models, --embed-model and GCODEC_MODELS mean what they meant to the sender."""
    _gain(tmp_path / "weights")
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "test/weighted", "--recon", "preview", "--embed-model"]
    for i, (how, more) in enumerate(
        [
            (["weights"], {}),
            (["weights", "--models", "weights"], {}),
            (["weights"], {"GCODEC_MODELS": "weights"}),
        ]
    ):
        done = support.gcodec(
            *(*words, *how, "-o", _folder(tmp_path / str(i))), site=[site], cwd=tmp_path, **more
        )
        support.succeeds(done)


def test_a_model_of_stage_2_may_be_given_from_the_working_folder(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    _gain(tmp_path / "weights")
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "tiny", "--recon", "heavy", "--recon-model", "weights"]
    support.succeeds(support.gcodec(*words, site=[site], cwd=tmp_path))


def test_other_weights_are_for_those_that_have_some(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    _gain(tmp_path / "weights")
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "tiny,test/weighted", "--embed-model", "weights"]
    words += ["--recon", "heavy,preview", "--recon-model", "weights", "--json"]
    rows = json.loads(support.succeeds(support.gcodec(*words, site=[site], cwd=tmp_path)))
    assert [row["error"] for row in rows] == [None] * 4
    given = [("--model" in r["encode_words"], "--model" in r["decode_words"]) for r in rows]
    assert given == [(False, True), (False, False), (True, True), (True, False)]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("--embed tiny --recon preview,grain", "--recon-model weights: there are no weights to"),
        ("--embed tiny,test/slow --recon heavy", "weights to choose for tiny, test/slow"),
        ("--embed tiny --recon preview", "weights to choose for preview"),
    ],
)
def test_other_weights_that_nobody_takes_are_one_line_before_any_work(
    pictures: Path, site: Path, tmp_path: Path, words: str, text: str
) -> None:
    _gain(tmp_path / "weights")
    photo = next(pictures.glob("photo.png"))
    flag = "--recon-model" if "recon-model" in text or "preview" in words else "--embed-model"
    done = support.gcodec(
        *("mix", photo, *words.split(), flag, "weights", "-o", "out"), site=[site], cwd=tmp_path
    )
    support.fails(done, 2, text)
    assert not (tmp_path / "out").exists()


def _gain(folder: Path) -> None:
    """Write a model for `test/weighted`."""
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    save_file({"gain": np.array([0.5], np.float32)}, folder / "diffusion_pytorch_model.safetensors")


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_pair_that_fails_is_a_row_and_the_others_go_on(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "test/defect,tiny", "--recon", "heavy,preview"]
    words += ["--metrics", "psnr", "-o", "out"]
    done = support.gcodec(*words, "--json", site=[site], cwd=tmp_path)
    support.fails(done, 21, "3 of 4 pairs failed")
    rows = json.loads(done.stdout)
    pairs = [(row["embedding"], row["reconstructor"]) for row in rows]
    assert pairs == [(e, r) for e in ("test/defect", "tiny") for r in ("heavy", "preview")]
    assert [row["error"] and row["error"].partition(":")[0] for row in rows] == [
        *("PluginError", "PluginError", "WorkerError"),
        None,
    ]
    assert rows[3]["bytes"] == (tmp_path / rows[3]["file"]).stat().st_size
    shown = support.gcodec(*words, "--force", site=[site], cwd=tmp_path)
    support.fails(shown, 21)
    lines = shown.stdout.decode().splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [[e, r, "-"] for e, r in pairs[:3]]
    assert any(
        line.startswith("test/defect+heavy, test/defect+preview: ") and "a mistake" in line
        for line in lines
    )
    assert lines[-1] == "wrote out/photo.sheet.jpg"


def test_a_size_that_one_cannot_reach_is_a_row(pictures: Path, site: Path, tmp_path: Path) -> None:
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "tiny,test/words", "--recon", "preview", "--bytes", "15"]
    done = support.gcodec(*words, "--json", site=[site], cwd=tmp_path)
    support.fails(done, 21, "2 of 2 pairs failed")
    errors = [row["error"] for row in json.loads(done.stdout)]
    assert errors[0].startswith("TargetTooSmall: ") and errors[1].startswith("NoPath: ")
    assert not (tmp_path / "photo.sheet.jpg").exists()
