"""Tasks that learn from crops of photographs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gcodec_train._task import Inputs, Task
from gcodec_train.photos import packed

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

__all__ = ["Crops", "PhotoTask", "pixels"]


@dataclass(frozen=True)
class Crops:
    """The table [data] of a recipe: crops of a batch and their side, photographs that no step sees."""

    batch: int
    crop: int
    held_out: int = 16


class PhotoTask(Task):
    """A task whose recipe has the table [data] of `Crops`.

    data            that table.
    photos          packed into the cache.
    members, aside  indices of those that steps see, and of those held out.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.data = inputs.table("data", Crops)
        self.photos = packed(inputs.data, inputs.cache, inputs.progress)
        self.members, self.aside = self.photos.split(self.data.held_out, inputs.recipe["seed"])
        super().__init__(inputs)

    def crops(self, count: int, rng: np.random.Generator, grid: int = 1) -> NDArray[np.uint8]:
        """Random ones of what steps see, uint8 [count, crop, crop, 3]; see `Photos.crops`."""
        return self.photos.crops(self.members, count, self.data.crop, rng, grid=grid)


def pixels(crops: NDArray[np.uint8]) -> torch.Tensor:
    """Samples uint8 [B, H, W, 3] as float32 [B, 3, H, W] in [0, 1], channels last."""
    import numpy as np
    import torch

    return torch.from_numpy(np.array(crops)).permute(0, 3, 1, 2).float() / 255
