"""Where networks run, checked before minutes are spent."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from gcodec.errors import InvalidOption
from gcodec.models.graphs import torch_missing

if TYPE_CHECKING:
    import torch

__all__ = ["check_device", "torch_device"]

_ASK = "import sys; from gcodec.models.devices import torch_device; torch_device(sys.argv[1])"


def torch_device(name: str) -> torch.device:
    """Return torch's device of that name ("cpu", "cuda", "cuda:1", "mps").

    Raises InvalidOption for a name that torch does not know and for a device that this machine does not have.
    """
    import torch

    try:
        device = torch.device(name)
        # The cheapest way to learn whether it is there: put a byte on it.
        torch.empty(1, dtype=torch.uint8, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise InvalidOption("gcodec", "device", name, "a device that torch has here") from error
    return device


def check_device(name: str, *, here: bool = False) -> None:
    """Raise what `torch_device` raises, for work of many parts, each of which would fail by it, or of none that runs there.

    here  ask in this process, which does the work; otherwise in one of its own: this one takes no memory of the device, and
          may fork.
    """
    if name == "cpu":
        return
    expected = "a device that torch has here"
    if lacking := torch_missing():
        expected = f"cpu, or {lacking}"
    elif here:
        torch_device(name)
        return
    elif subprocess.run([sys.executable, "-c", _ASK, name], capture_output=True).returncode == 0:
        return
    raise InvalidOption("gcodec", "device", name, expected)
