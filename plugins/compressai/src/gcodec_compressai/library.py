"""CompressAI, imported when a model is used: that takes seconds, and torchvision may need mending first."""

from __future__ import annotations

import warnings
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

from gcodec.errors import ModelDamaged, UnusablePlugin
from gcodec.models import _torchvision_cpu
from gcodec.models.building import unseen
from gcodec_compressai.plugin import NAME, missing

__all__ = ["architectures", "class_of", "library"]

#: Families that code no pictures.
_OTHERS = ("compressai.models.pointcloud", "compressai.models.video")


@cache
def library() -> Any:
    """The package `compressai`, with its zoo, models and coder. Raises UnusablePlugin where it is not or does not load."""
    if reason := missing():
        raise UnusablePlugin(NAME, reason)
    _torchvision_cpu.install()
    try:
        with unseen(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what its dependencies say when they are imported
            for part in ("ans", "entropy_models", "models", "registry", "zoo.image_vbr"):
                import_module(f"compressai.{part}")
            return import_module("compressai")
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UnusablePlugin(NAME, f"CompressAI cannot be imported: {reason}") from error


def architectures() -> dict[str, Any]:
    """The classes that the installed CompressAI registers for pictures, by name."""
    library()
    models = import_module("compressai.registry").MODELS
    return {n: models[n] for n in sorted(models) if not models[n].__module__.startswith(_OTHERS)}


def class_of(architecture: str, source: str) -> Any:
    """The class that a registered name or "package.module:Class" means; `source` is the model that needs it.

    A class of one's own is imported from where Python finds it, so its module runs. Raises ModelDamaged, saying what there
    is.
    """
    base = library().models.CompressionModel
    module, colon, name = architecture.partition(":")
    if not colon:
        known = architectures()
        if architecture in known:
            return known[architecture]
        raise ModelDamaged(
            source,
            f"'{architecture}' is nothing that CompressAI {version('compressai')} registers: {', '.join(known)};"
            " say what it is with --arch, a class of your own as package.module:Class",
        )
    try:
        with unseen():
            found = getattr(import_module(module), name)
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelDamaged(
            source,
            f"its class {architecture} cannot be imported: {reason}; install the package that has it",
        ) from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ModelDamaged(
            source, f"{architecture} is no class below compressai's CompressionModel"
        )
    return found
