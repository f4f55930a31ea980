"""Which latents an entropy model codes. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from gcodec.models import Model, ModelStore
from gcodec.models.networks import place_of
from gcodec.plugin import Place

__all__ = ["CLASS", "Latents", "latents_of", "place_of_entropy"]

#: `_class_name` of entropy models.
CLASS = "LatentEntropy"


@dataclass(frozen=True)
class Latents:
    """The table "latents" of a model's config.json.

    space        name of the space of the signals.
    factor       samples a side of one latent position.
    autoencoder  name of the model that makes them, for people to read.
    digest       of that model.
    """

    space: str
    factor: int
    autoencoder: str
    digest: str

    def __post_init__(self) -> None:
        if not (isinstance(self.factor, int) and self.factor >= 1):
            raise ValueError(f"a factor is a positive integer, not {self.factor!r}")


def latents_of(model: Model) -> Latents:
    """What the latents of an entropy model are. Raises ModelDamaged for a folder of another class."""
    with model.taken_as("an entropy model of latents"):
        if model.class_name != CLASS:
            raise ValueError(f"it is of class {model.class_name}")
        return Latents(**model.config["latents"])


def place_of_entropy(model: Model, store: ModelStore) -> Place | None:
    """The place of the autoencoder. Raises ModelMissing and ModelDamaged."""
    return place_of(store.find(latents_of(model).digest), store)
