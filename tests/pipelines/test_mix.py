"""`gcodec mix` with other models than the registered ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import gcodec_formats as gcx
from gcodec.cli import main
from gcodec.models import ModelStore


def test_each_stage_takes_a_model_of_its_own(
    pipeline: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file names the pipeline, whose space the latent is in, and the receiver finds it there."""
    source, folder = tmp_path / "in.png", pipeline("sd15")
    Image.new("RGB", (24, 16), (90, 140, 60)).save(source)
    words = ["mix", source, "--embed", "ldm_quant", "--embed-model", folder, "--quality", "0.3"]
    words += ["--recon", "relic", "--recon-model", folder, "-o", tmp_path, "--json"]
    with pytest.raises(SystemExit) as done:
        main([str(word) for word in words])
    assert done.value.code in (0, None)
    (record,) = json.loads(capsys.readouterr().out)
    assert record["path"].startswith("latent/kl-")
    with Image.open(record["reconstruction"]) as made:
        assert made.size == (24, 16)
    identity = gcx.read(Path(record["file"]).read_bytes()).header.identity
    assert identity.digest is not None
    assert ModelStore().find(str(folder)).digest.startswith(identity.digest.hex())
