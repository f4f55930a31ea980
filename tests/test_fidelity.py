"""Fidelity maps of the embeddings that were measured, on a photograph: they say where it errs, and change nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import gcodec
from gcodec.cli import main
from gcodec.errors import Unmeasured
from gcodec.pipeline.fidelity import expectation, fidelity_of
from gcodec.pipeline.stage1 import open_stage1

PHOTO = Path(__file__).with_name("images") / "kodim23.png"


@pytest.fixture(scope="module")
def photo() -> gcodec.Picture:
    """The parrots, 256x256 of them: feathers and a blurred background."""
    return gcodec.Picture.from_array(gcodec.load_image(PHOTO).pixels[:, 100:356, 200:456].copy())


@pytest.fixture(scope="module")
def session():
    with gcodec.Session() as session:
        yield session


def check(photo: gcodec.Picture, made: gcodec.Decoded, whole: float) -> None:
    """Overall to within `whole`, and in each fifth of the pixels by said error to within a third."""
    assert made.fidelity is not None
    said = np.square(made.fidelity).ravel()
    real = np.square(255 * (photo.pixels - made.picture.pixels)).mean(0).ravel()
    assert np.sqrt(real.mean() / said.mean()) == pytest.approx(1, abs=whole)
    for fifth in np.array_split(np.argsort(said), 5):
        assert np.sqrt(real[fifth].mean() / said[fifth].mean()) == pytest.approx(1, abs=0.34)


@pytest.mark.parametrize("quality", [0.35, 0.6, 0.8])
@pytest.mark.parametrize("embedding", ["ntc", "webp", "jxl"])
def test_pixels_err_by_what_is_said(session, photo, embedding, quality):
    pytest.importorskip("pillow_jxl" if embedding == "jxl" else "PIL")
    data = session.encode(photo, embedding, target=gcodec.Target(quality=quality)).data
    made = session.decode(data, "preview", fidelity=True)
    check(photo, made, 0.03)
    bridge = session.decode(data, "bridge", fidelity=True)
    check(photo, bridge, 0.05)
    assert np.mean(bridge.fidelity**2) > np.mean(made.fidelity**2)
    later = fidelity_of(data, bridge.picture.pixels)
    np.testing.assert_allclose(later, bridge.fidelity, atol=1e-3)
    plain = session.decode(data, "bridge")
    assert plain.fidelity is None
    np.testing.assert_array_equal(plain.picture.pixels, bridge.picture.pixels)


def test_what_is_lossless_errs_nowhere_and_nearly_so_alike_everywhere(session, photo):
    photo = gcodec.Picture(photo.pixels[:, :32, :40])
    exact = session.encode(photo, "lossless")
    assert not session.decode(exact.data, fidelity=True).fidelity.any()
    near = session.encode(photo, "lossless", target=gcodec.Target(quality=0.6))
    made = session.decode(near.data, fidelity=True)
    errors = np.sqrt(np.square(made.picture.pixels - photo.pixels).mean(0)) * 255
    assert made.fidelity.min() == made.fidelity.max() > 0
    for part in np.array_split(errors, 4):
        assert np.sqrt(np.square(part).mean()) == pytest.approx(made.fidelity[0, 0], rel=0.2)


def test_what_lies_between_errs_by_what_lies_between(session, photo):
    data = session.encode(photo, "ntc").data
    preview, half, sample = (
        session.decode(data, "bridge", options={"realism": alpha}, fidelity=True)
        for alpha in (0.0, 0.5, 1.0)
    )
    np.testing.assert_array_equal(
        preview.fidelity, session.decode(data, "preview", fidelity=True).fidelity
    )
    added = [np.square(one.fidelity) - np.square(preview.fidelity) for one in (half, sample)]
    np.testing.assert_allclose(added[0], added[1] / 4, atol=0.02)


def test_what_was_not_measured_is_not_guessed_at(session, photo):
    with pytest.raises(Unmeasured, match="'text_sketch' errs has not been measured,") as caught:
        session.decode(session.encode(photo, "text_sketch").data, fidelity=True)
    assert {"ntc", "webp"} <= set(caught.value.known)
    stage1 = open_stage1(session.encode(photo, "ntc").data)
    setup = stage1.main.embedding.setup
    other = SimpleNamespace(setup=replace(setup, model=setup.run.models.find("base/bridge")))
    assert expectation(stage1)
    with pytest.raises(Unmeasured, match="measured with these weights"):
        expectation(replace(stage1, parts=(replace(stage1.main, embedding=other),)))


def test_the_map_and_the_picture_are_both_there_or_neither(session, photo, tmp_path, monkeypatch):
    (tmp_path / "a.gcx").write_bytes(session.encode(photo, "webp").data)
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "full.npy").symlink_to("/dev/full")
    monkeypatch.chdir(tmp_path)
    for target, status in (("link.png", 2), ("full.npy", 8)):
        words = ["decode", "a.gcx", "-o", "a.png", "--force", "--fidelity-map", target]
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == status
        assert not (tmp_path / "a.png").exists()
