"""Sketches, by way of a ControlNet."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gcodec.interfaces import Size
from gcodec.signals import Sketch
from gcodec_diffusers import tiny
from gcodec_diffusers.known import KnownDenoiser

Folder = Callable[[str], Path]
Opened = Callable[..., KnownDenoiser]
SIZE = Size(40, 56)


@pytest.mark.parametrize("kind", ["sd15", "sdxl", "sd3", "flux"])
def test_a_controlnet_draws_along_the_sketch(
    folder: Folder, opened: Opened, tmp_path: Path, kind: str
) -> None:
    """The sketch counts where it is given, at odd sides, alone, and in windows as in the whole."""
    path = shutil.copytree(folder(kind), tmp_path / "with")
    tiny.add_controlnet(kind, path)
    denoiser = opened(path)
    assert "sketch" in denoiser.sees
    x = torch.from_numpy(
        np.random.default_rng(5).standard_normal((1, denoiser.parts.encoder.channels, 5, 7))
    )
    x = x.float()
    edges = np.zeros((1, *SIZE), np.float32)
    edges[0, 10:30, 20] = 1
    nothing = denoiser.condition({}, SIZE)
    drawn, empty = (
        denoiser.condition({"sketch": Sketch(e)}, SIZE) for e in (edges, np.zeros_like(edges))
    )
    plain = opened(folder(kind))
    alone = denoiser.x0(x, 1.0, 1.0, nothing)
    torch.testing.assert_close(alone, plain.x0(x, 1.0, 1.0, plain.condition({}, SIZE)))
    found = denoiser.x0(x, 1.0, 1.0, drawn)
    assert found.shape == x.shape
    assert float((found - alone).abs().max()) > 1e-5
    assert float((found - denoiser.x0(x, 1.0, 1.0, empty)).abs().max()) > 1e-6
    window = drawn.window(slice(0, 4), slice(2, 6))
    assert window.maps["hint"].shape[1:] == (4, 4)
    assert denoiser.x0(x[..., :4, 2:6], 1.0, 1.0, window).shape[2:] == (4, 4)
    # What a sketch says of the picture lies where it is drawn.
    flat = (drawn.maps["hint"] - empty.maps["hint"]).abs().sum(0)
    if denoiser.parts.architecture.hint == "edges":
        assert flat.nonzero().unique(dim=0).tolist() == [[1, 2], [2, 2], [3, 2]]
