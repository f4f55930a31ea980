"""A device that is not there is the user's mistake, told as such."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import gcodec
from gcodec.errors import InvalidOption

pytest.importorskip("torch")


def test_the_processor_is_always_there() -> None:
    from gcodec.models.devices import torch_device

    assert torch_device("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["cuda:99", "hpu", "abacus", "", "meta:x"])
def test_others_are_refused_by_name(name: str) -> None:
    from gcodec.models.devices import torch_device

    with pytest.raises(InvalidOption, match="device"):
        torch_device(name)


def test_work_of_many_parts_asks_first() -> None:
    from gcodec.models.devices import check_device

    check_device("cpu")
    for here in (False, True):
        with pytest.raises(InvalidOption, match="a device that torch has here"):
            check_device("cuda:99", here=here)


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from gcodec.models import devices

    monkeypatch.setattr(devices, "torch_missing", lambda: "it needs torch: pip install torch")
    devices.check_device("cpu")
    with pytest.raises(InvalidOption, match="must be cpu, or it needs torch: pip install torch"):
        devices.check_device("cuda")


@pytest.mark.parametrize(
    "asked",
    [
        lambda: gcodec.encode("nowhere.png", "tiny", run=gcodec.Run(device="cuda:99")),
        lambda: gcodec.decode("nowhere.gcx", "preview", run=gcodec.Run(device="cuda:99")),
        lambda: gcodec.verify("nowhere.gcx", run=gcodec.Run(device="cuda:99")),
        lambda: gcodec.Session(device="cuda:99").decode([Path("nowhere.gcx")]),
    ],
    ids=["encode", "decode", "verify", "session"],
)
def test_it_is_asked_for_before_anything_is_read_and_though_nothing_would_run_there(
    asked: Callable[[], object],
) -> None:
    with pytest.raises(InvalidOption, match="'cuda:99'; it must be a device that torch has here"):
        asked()
