"""Setting up networks without a trace in the caller's process.

torch's layers draw their first weights from its global generator, although those of a file take their place at once, and
importing a library may add filters of warnings. Whoever seeds torch, or counts on its warnings, would see that somebody has
decoded a picture in between.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from inspect import signature
from types import FunctionType
from typing import Any

__all__ = ["unseen"]

_SEED = 0


@contextmanager
def unseen() -> Iterator[None]:
    """Leave torch's generators and the filters of warnings as they are, whatever is imported and set up inside.

    In this thread alone: what others draw in the meantime comes from the generators that they know.
    """
    filters = warnings.filters
    before = list(filters)
    # Before torch is there nobody can have seeded it.
    with _apart() if "torch" in sys.modules else nullcontext():
        try:
            yield
        finally:
            if list(filters) != before:
                filters[:] = before  # type: ignore[index]


def _apart() -> Any:
    """A torch mode in which whatever draws without saying from where draws from generators of the mode's own."""
    import torch
    from torch.overrides import TorchFunctionMode

    own: dict[torch.device, torch.Generator] = {}

    class Apart(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            if kwargs.get("generator") is None and _draws(func):
                tensors = (a for a in (*args, *kwargs.values()) if isinstance(a, torch.Tensor))
                place = next((a.device for a in tensors), torch.get_default_device())
                place = torch.device(kwargs.get("device") or place)
                if place.type != "meta":
                    if place not in own:
                        own[place] = torch.Generator(place).manual_seed(_SEED)
                    kwargs = {**kwargs, "generator": own[place]}
            return func(*args, **kwargs)

    return Apart()


@cache
def _draws(function: Any) -> bool:
    """Whether a function of torch's takes a generator, of those that layers are set up with."""
    import torch

    if isinstance(function, FunctionType):  # torch.nn.init
        # Some of Tensor's operators are functions around builtins, which have no signature.
        return "generator" in signature(function, follow_wrapped=False).parameters
    makers = (torch.normal, torch.rand, torch.randint, torch.randn, torch.randperm, torch.bernoulli)
    tensor = torch.Tensor
    fillers = (
        tensor.bernoulli_,
        tensor.exponential_,
        tensor.normal_,
        tensor.random_,
        tensor.uniform_,
    )
    return function in (*makers, *fillers)
