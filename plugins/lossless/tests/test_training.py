"""A training of a few steps: it learns, goes on exactly, and what is exported codes as what was trained says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from gcodec.errors import InvalidArgument
from gcodec_lossless.codec import by_law, read, written
from gcodec_lossless.examples import examples, seen_of
from gcodec_lossless.export import begin, integer_tensors
from gcodec_lossless.features import EXTRAS, SEEN
from gcodec_lossless.model import Config, Law, bits
from gcodec_lossless.network import Network
from gcodec_train import WEIGHTS
from gcodec_train.testing import TrainerConformance

RECIPE: dict[str, Any] = {
    "task": "lossless",
    "seed": 1,
    "plan": {"steps": 4, "lr": 1e-2, "warmup": 1, "decay": 1, "ema": 0.5, "evaluate": 1000},
    "network": {"trunk": [12, 8], "head": [8, 6]},
    "data": {
        "parts": 2,
        "rows": 16,
        "columns": 24,
        "share": 0.8,
        "batch": 200,
        "held_out": 1,
    },
}


class TestLossless(TrainerConformance):
    recipe = RECIPE

    def test_it_learns(self, gcodec_photographs: Path, tmp_path: Path) -> None:
        task = self.task(gcodec_photographs, tmp_path)
        optimiser = torch.optim.Adam(task.network.parameters(), 1e-2)
        losses = []
        for step in range(60):
            loss = task.losses(task.network, 0, np.random.default_rng(step))["loss"]
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(loss.item())
        assert np.mean(losses[-10:]) < np.mean(losses[:5])

    def test_what_is_exported_codes(self, trained: Path) -> None:
        network = Network(load_file(trained / "model" / WEIGHTS))
        samples = np.random.default_rng(0).integers(0, 256, (3, 4, 9))
        assert np.array_equal(read(network, written(network, samples, 255), 3, 4, 9, 255), samples)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(("channels", "top"), [(3, 255), (1, 255), (3, 65535)])
def test_bytes_are_what_the_floating_network_says(
    kodim23: Any, channels: int, top: int, beside: bool
) -> None:
    torch.manual_seed(4)
    law = Law(Config((24, 16), (16, 12), beside))
    part = np.rint(kodim23[[1, 0, 2], 150:182, 450:498] * top).astype(np.int64)[:channels]
    side = (part << 6) // 900 * 900 if beside else None
    some = seen_of(part, top, side)
    with torch.inference_mode():
        made = law(torch.tensor(some.seen) / 64, torch.tensor(some.extras) / 64)
        near, samples = torch.tensor(some.near).float(), torch.tensor(some.samples).float()
        found = bits(made, near, samples, torch.full((len(samples), 1), float(top)))
    said = float(found[:, :channels].sum())
    sent = 8 * len(by_law(Network(integer_tensors(law), beside), part, top, side))
    assert sent == pytest.approx(said, rel=0.015)


def test_a_law_that_sees_a_companion_begins_as_one_that_sees_none() -> None:
    torch.manual_seed(5)
    old, new = Law(Config((24, 16), (16, 12))), Law(Config((24, 16), (16, 12), beside=True))
    tensors = integer_tensors(old)
    begin(old, tensors)  # as it was rounded
    begin(new, tensors)
    seen, extras = torch.randn(9, SEEN[True]), torch.randn(9, sum(EXTRAS[True]))
    parts = zip(extras.split(EXTRAS[True], 1), EXTRAS[False], strict=True)
    before = torch.cat([some[:, :count] for some, count in parts], 1)
    assert torch.allclose(new(seen, extras), old(seen[:, : SEEN[False]], before), atol=1e-5)
    with pytest.raises(InvalidArgument, match=r"trunk\.first of the model to begin with"):
        begin(Law(Config((20, 16), (16, 12))), tensors)


def test_a_companion_is_of_the_part_that_is_coded(kodim23: Any) -> None:
    """One that is the part itself says all of it: what the heads see of it beside the prediction is the error of that."""
    photo = np.rint(kodim23[:, :120, :160].transpose(1, 2, 0) * 255).astype(np.uint8)
    rng = np.random.default_rng(2)
    for _ in range(12):
        some = examples(photo, (12, 20), 0.5, rng, lambda colours: colours)
        exact = 64 * some.samples[:, 0] >> (8 if some.top[0] > 255 else 0)
        guess = some.near[0, :, 0] >> (8 if some.top[0] > 255 else 0)
        clear = np.abs(exact - guess) > 300
        assert (np.sign(some.extras[clear, 2]) == np.sign(exact - guess)[clear]).all()


def test_parts_of_photographs_are_of_many_kinds(kodim23: Any) -> None:
    photo = np.rint(kodim23[:, :120, :160].transpose(1, 2, 0) * 255).astype(np.uint8)
    rng = np.random.default_rng(1)
    made = [examples(photo, (12, 20), 0.5, rng) for _ in range(40)]
    assert {int(one.channels[0]) for one in made} == {1, 3}
    assert {int(one.top[0]) for one in made} == {255, 65535}
    for one in made:
        assert 0 < len(one.samples) <= 240
        assert one.samples.min() >= 0 and (one.samples.max(1) <= one.top).all()
        gray = one.channels == 1
        assert not one.samples[gray, 1:].any() and not one.near[:, gray, 1:].any()
