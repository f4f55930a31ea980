"""From a picture to a file and back with every class that the installed CompressAI registers, and with the user's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from compressai_models import SMALL, picture, process, save

import gcodec
from gcodec.models.cache import fetched
from gcodec.pipeline.inspection import inspect
from gcodec.pipeline.stage1 import open_stage1
from gcodec_compressai.library import architectures, class_of
from gcodec_compressai.network import Network
from gcodec_formats import File, Header, Identity, Segment, Size, write

#: Container with the digest of a model.
CONTAINER = 20

pytestmark = pytest.mark.filterwarnings("ignore:.*ntc. codes with it too")


def encode(photo: gcodec.Picture, model: Path, **options: object) -> bytes:
    return gcodec.encode(
        photo, "compressai", model=str(model), options={"check": False, **options}, digest=False
    ).data


def test_every_registered_class_is_tried() -> None:
    assert set(architectures()) == set(SMALL)


@pytest.mark.parametrize("architecture", SMALL)
def test_the_file_is_what_compress_returns_and_decodes_to_what_decompress_returns(
    architecture: str, tmp_path: Path
) -> None:
    photo, model = picture(), save(tmp_path, architecture, gain=8)
    big = architecture.startswith("elic")
    data = encode(photo, model, arguments=json.dumps(SMALL[architecture]) if big else "")
    stage1 = open_stage1(data)
    ((preview,), layer) = stage1.signals(), stage1.main.layers[0]
    assert preview.pixels.shape == (3, 70, 90)
    error = float(np.mean((preview.pixels - photo.pixels) ** 2))
    assert preview.mse == pytest.approx(error, rel=0.04)

    # The library by itself, on the same padded picture.
    network: Network = stage1.main.embedding._inner._network(0)  # type: ignore[attr-defined]
    net, side = network.net, network.multiple
    padded = np.pad(photo.pixels, ((0, 0), (0, -70 % side), (0, -90 % side)), "edge")
    with torch.inference_mode():
        rate = {"s": layer[0]} if network.rates > 1 else {}
        made = net.compress(torch.from_numpy(padded)[None], **rate)
        expected = net.decompress(made["strings"], made["shape"], **rate)["x_hat"]
    np.testing.assert_allclose(preview.pixels, expected[0, :, :70, :90], atol=1e-6)
    strings = [part for group in made["strings"] for part in group]
    assert layer.endswith(b"".join(strings))
    # Two bytes for error and choice, and two for the length of each string but the first.
    head = 1 + bool(rate) + 2 * (len(strings) - 1)
    assert len(data) <= CONTAINER + head + sum(map(len, strings))
    assert big or len(layer) <= 16 + sum(map(len, strings))


@pytest.mark.parametrize("size", [(1, 1), (1, 67), (33, 17)])
def test_sizes(size: tuple[int, int], tmp_path: Path) -> None:
    for architecture in ("bmshj2018-factorized", "mbt2018-mean"):
        data = encode(picture(*size), save(tmp_path, architecture))
        assert gcodec.decode(data).picture.pixels.shape == (3, *size)


def test_gray_and_alpha(tmp_path: Path) -> None:
    model = save(tmp_path, "bmshj2018-factorized")
    levels = (255 * picture().pixels[0]).astype(np.uint8)
    gray = gcodec.decode(encode(gcodec.Picture.from_array(levels), model)).picture
    assert gray.channels == 1
    clear = np.dstack([levels] * 3 + [levels.T[: len(levels)].copy()[:, :1].repeat(90, 1)])
    found = gcodec.decode(encode(gcodec.Picture.from_array(clear), model)).picture
    assert np.array_equal(found.alpha, clear[..., 3])


def test_a_class_of_ones_own_trained_coded_and_decoded_by_a_process_with_the_folder_alone(
    own: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten steps; coded with the check in a second process; verified in a third, refused in one that lacks the class."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = class_of(f"{own}:Mine", "a test")(channels=8)
        photo = picture(128, 128)
        x = torch.from_numpy(photo.pixels)[None]
        optimizer = torch.optim.Adam(net.parameters(), 1e-2)
        errors = []
        for _ in range(10):
            made = net(x)
            bits = -torch.log2(made["likelihoods"]["y"]).mean()
            error = torch.mean((made["x_hat"] - x) ** 2)
            errors.append(error.item())
            loss = 100 * error + 0.01 * bits + 1e-4 * net.aux_loss()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert errors[-1] < errors[0]
    checkpoint, file = tmp_path / "trained.pth", tmp_path / "photo.gcx"
    torch.save({"state_dict": net.state_dict(), "epoch": 1}, checkpoint)
    options = {"arch": f"{own}:Mine", "arguments": '{"channels": 8}'}
    sent = gcodec.encode(photo, "compressai", model=str(checkpoint), options=options, digest=True)
    file.write_bytes(sent.data)
    ((name, digest, folder),) = fetched()
    assert name == "compressai/trained"
    assert inspect(sent.data)["model"] == f"digest {digest[:16]}..."

    mine = folder.rename(tmp_path / "model")
    done = process("gcodec", "verify", file, "--models", mine, "--threads", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["proved"] and json.loads(done.stdout)["parse_class"] == "C"
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_codec.py").write_text("")
    told = process("gcodec", "decode", file, "-o", tmp_path / "out.png", "--models", mine)
    assert told.returncode == 9 and len(told.stderr.splitlines()) == 1
    assert "own_codec:Mine cannot be imported" in told.stderr


def test_what_others_do_with_the_preview(tmp_path: Path) -> None:
    data = encode(picture(64, 64), save(tmp_path, "mbt2018-mean"))
    flow = gcodec.decode(data, "flow", options={"steps": 1})
    assert flow.picture.pixels.shape == (3, 64, 64)


def test_a_container_with_a_digest_takes_twenty_bytes() -> None:
    header = Header(Identity(id=17, digest=bytes(8)), Size(70, 90))
    assert len(write(File(header, (Segment(0, b"payload"),)))) == CONTAINER + 7
