"""A device that is not there is the user's mistake, told as such."""

from __future__ import annotations

import pytest

from gcodec.errors import InvalidOption

pytest.importorskip("torch")


def test_the_processor_is_always_there() -> None:
    from gcodec.models.devices import torch_device

    assert torch_device("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["cuda:99", "abacus", "", "meta:x"])
def test_others_are_refused_by_name(name: str) -> None:
    from gcodec.models.devices import torch_device

    with pytest.raises(InvalidOption, match="device"):
        torch_device(name)
