"""How many bits each step has: a model of its own, `base/diffc`, made for one denoiser (`gcodec_diffc.diffc.fit`).

What is fixed is the bits of a step, per dimension of the latent, not its end: where a picture is simple the same bits lead
to a higher SNR, and the stream says to which (`_stream`). The published scheme fixes both and is wrong about one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gcodec.errors import ModelDamaged

if TYPE_CHECKING:
    from gcodec.models import Model, ModelStore

__all__ = ["SHORTEST", "UNIT", "Schedule", "open_schedule"]

#: `Schedule.bits` counts in millionths of a bit.
UNIT = 1_000_000
#: Bytes of the shortest step.
SHORTEST = 4


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

        Steps too short for a small picture are merged with those after them; what is then left over is not sent.
        """
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

    Raises ModelDamaged for a folder that holds none, or where an installed network is not the one that it was made for.
    """
    config = model.config
    try:
        if config["_class_name"] != "DiffcSchedule":
            raise ValueError(f"it is of class {config['_class_name']}")
        networks = dict(config["networks"])
        bits = tuple(int(bits) for bits in model.tensors()["bits"])
        if not bits or min(bits) < 1 or max(bits) > UNIT:
            raise ValueError("bits are integers from 1 to 1000000")
        denoiser = store.find(str(config["denoiser"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelDamaged(model.name, f"not a schedule of `diffc`: {error}") from error
    for name, digest in networks.items():
        found = store.find(name).digest
        if found != digest:
            raise ModelDamaged(
                model.name,
                f"its schedule was made for {name} {str(digest)[:16]}..., not for the {found[:16]}..."
                " installed here; install the gcodec-base that it came with",
            )
    return Schedule(denoiser, bits)
