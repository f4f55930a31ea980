"""How many bits each step has: a model of its own, `base/diffc`, made for one denoiser (`gcodec_diffc.diffc.fit`).

What is fixed is the bits of a step, per dimension of the latent, not its end: where a picture is simple the same bits lead
to a higher SNR, and the stream says to which (`_stream`). The published scheme fixes both and is wrong about one.

A published pipeline, which holds its own autoencoder, needs no such model: named itself, it is taken in steps that each add
a fifth to all that was sent before (`GENERIC`). The file then names the pipeline by its digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from gcodec.errors import ModelDamaged, ModelMissing
from gcodec.models.networks import place_of

if TYPE_CHECKING:
    from gcodec.models import Model, ModelStore
    from gcodec.plugin import Place

__all__ = ["GENERIC", "SHORTEST", "UNIT", "Schedule", "holds", "open_schedule", "place_of_schedule"]

#: `Schedule.bits` counts in millionths of a bit.
UNIT = 1_000_000
#: Bytes of the shortest step.
SHORTEST = 4

#: Millionths of a bit per dimension, sent after each step of `GENERIC`: 0.002 bits to 5.
_SENT = list(accumulate(repeat(None, 43), lambda sent, _: sent + sent // 5, initial=2_000))
#: The steps of a denoiser of which nothing was measured. Files that name a pipeline depend on them.
GENERIC = (_SENT[0], *(after - before for before, after in pairwise(_SENT)))


@dataclass(frozen=True)
class Schedule:
    """The steps of a stream.

    denoiser  the weights that it was made for, verified.
    bits      millionths of a bit per dimension, step by step.
    """

    denoiser: Model
    bits: tuple[int, ...]

    def steps(self, dimensions: int) -> list[int]:
        """Bytes of every step of a latent with so many dimensions: at least `SHORTEST`, at most a bit a dimension.

        Steps too short for a small picture are merged with those after them; what is then left over is not sent. There
        is none for the smallest latents.
        """
        if dimensions < 8 * SHORTEST:
            return []
        lengths, due = [], 0
        longest = max(dimensions // 8, SHORTEST)
        for bits in self.bits:
            due += bits * dimensions
            length = min(due // (8 * UNIT), longest)
            if length >= SHORTEST:
                lengths.append(length)
                due = 0 if length == longest else due - length * 8 * UNIT
        return lengths


def open_schedule(model: Model, store: ModelStore) -> Schedule:
    """The schedule in a model folder, and the networks that it belongs to.

    Networks are found by their digests, whatever they are called here.
    Raises ModelDamaged for a folder that holds none, or where an installed network is not the one that it was made for, and
    ModelMissing where there is none at all.
    """
    if model.class_name != "DiffcSchedule":
        place = place_of(model, store)
        if place is None or place.denoiser is None or not holds(model, place.autoencoder):
            raise ModelDamaged(
                model.name, f"not a schedule of `diffc` nor a pipeline: {_why(model)}"
            )
        return Schedule(model, GENERIC)
    config = model.config
    with model.taken_as("a schedule of `diffc`"):
        networks = {str(name): str(digest) for name, digest in config["networks"].items()}
        bits = tuple(int(bits) for bits in model.tensors()["bits"])
        if not bits or min(bits) < 1 or max(bits) > UNIT:
            raise ValueError("bits are integers from 1 to 1000000")
        denoiser = config["denoiser"]
        if denoiser not in networks:
            raise ValueError(f"no digest of {denoiser}")
    found = {name: _found(model, name, digest, store) for name, digest in networks.items()}
    return Schedule(found[denoiser], bits)


def _why(model: Model) -> str:
    name = model.class_name
    if name is None:
        return "nothing in it names a class; a model is a folder that save_pretrained wrote"
    text = f"it is of class {name}, which no installed plugin opens as a denoiser"
    if (model.folder / "model_index.json").is_file():
        return f"{text}; `gcodec plugins` lists the pipelines that are known"
    return f"{text}; if it is a part of a pipeline, name the folder that holds model_index.json"


def place_of_schedule(model: Model, store: ModelStore) -> Place | None:
    """Where the denoiser of a schedule works. Raises ModelMissing and ModelDamaged."""
    return place_of(open_schedule(model, store).denoiser, store)


def holds(model: Model, folder: str) -> bool:
    """Whether a network lies in the folder of a model, so that the model's digest is its digest too."""
    return Path(folder).is_relative_to(model.folder.absolute())


def _found(schedule: Model, name: str, digest: str, store: ModelStore) -> Model:
    try:
        return store.find(digest)
    except ModelMissing:
        try:
            found = store.find(name)
        except ModelMissing as missing:
            raise ModelMissing(f"{name} ({digest[:16]}...)", missing.advice) from None
    raise ModelDamaged(
        schedule.name,
        f"its schedule was made for {name} {digest[:16]}..., not for the {found.digest[:16]}..."
        " installed here; install the gcodec-base that it came with",
    )
