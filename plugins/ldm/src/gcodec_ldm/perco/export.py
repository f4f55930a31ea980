"""From trained priors of tokens to the model folder that codes files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch import nn

from gcodec_ldm.perco.codec import CLASS, Book
from gcodec_ldm.perco.network import PriorNetwork
from gcodec_train import write_model

__all__ = ["export"]


def export(networks: nn.ModuleDict, books: Sequence[Book], folder: Path) -> None:
    """Write the model folder: config.json names the codebooks, the weights are integers.

    networks  `PriorNetwork` by `Book.space`.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for book in books:
        network = networks[book.space]
        assert isinstance(network, PriorNetwork)
        tensors |= network.tensors(book.space)
    config = {"_class_name": CLASS, "codebooks": [asdict(book) for book in books]}
    write_model(folder, config, tensors)
