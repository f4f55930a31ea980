"""Where networks run, checked before minutes are spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gcodec.errors import InvalidOption

if TYPE_CHECKING:
    import torch

__all__ = ["torch_device"]


def torch_device(name: str) -> torch.device:
    """Return torch's device of that name ("cpu", "cuda", "cuda:1", "mps").

    Raises InvalidOption for a name that torch does not know and for a device that this machine does not have.
    """
    import torch

    try:
        device = torch.device(name)
        # The cheapest way to learn whether it is there: put a byte on it.
        torch.empty(1, dtype=torch.uint8, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InvalidOption("gcodec", "device", name, "a device that torch has here") from error
    return device
