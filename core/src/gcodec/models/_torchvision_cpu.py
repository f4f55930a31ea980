"""Lets `import torchvision` succeed where its compiled operators do not load.

A CPU build of torch beside a torchvision built for CUDA is a common pair: package indexes offer it, and nothing warns.
torchvision then cannot load its C++ library and, while its Python part is imported, registers meta kernels for operators
that do not exist: ``RuntimeError: operator torchvision::nms does not exist``. With it fall compressai, lpips,
torchmetrics and the model classes of diffusers and transformers, none of which calls these operators.

`install` puts a finder in front that repairs just this failure, when it happens: it declares the two operators that
torchvision's Python part looks up, and imports again. Calls of these operators, and torchvision's own image I/O, still
raise. Where torchvision imports cleanly nothing is changed.

Call it before anything that may import torchvision. It imports nothing itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

__all__ = ["install"]

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_OPERATORS = ("nms", "qnms")


class _Loader(Loader):
    """torchvision's own loader, with a second try."""

    def __init__(self, inner: Loader) -> None:
        self.inner = inner

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # Only the first import goes through here; afterwards the package is as if it had never been wrapped.
        if module.__spec__ is not None:
            module.__spec__.loader = self.inner
        module.__loader__ = self.inner
        try:
            self.inner.exec_module(module)
        except RuntimeError as error:
            if "operator torchvision::" not in str(error):
                raise
            _declare_operators(module)
            self.inner.exec_module(module)


def _declare_operators(module: ModuleType) -> None:
    """Declare the missing operators and forget the modules that were half imported without them."""
    torch: Any = import_module("torch")
    for name in [name for name in sys.modules if name.startswith("torchvision.")]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in _OPERATORS:
        library.define(operator + _SCHEMA)
    # The declarations live as long as this object does.
    module.__dict__["_gcodec_operators"] = library


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "torchvision":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def install() -> None:
    """Repair the next import of torchvision, should it need it; calling this again does nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
