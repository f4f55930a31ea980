"""The two interfaces that every method implements: stage-1 `Embedding`, stage-2 `Reconstructor`.

The decoder's embedding sees the layers of the file, the size and the installed models, nothing else: whatever `decode`
needs must be in the layers. The reconstructor is the receiver's free choice and sees only signals.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gcodec.errors import ModelMissing
from gcodec_formats import Size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gcodec.models import Model
    from gcodec.run import Run
    from gcodec.signals import FloatArray, Signal

__all__ = ["Embedding", "Reconstructor", "Setup", "Size"]


@dataclass(frozen=True)
class Setup:
    """What an implementation is built from.

    run      device, precision, randomness, progress, limits.
    options  checked values for all of the spec's options but `gcodec.plugin.REALISM`, which is the pipeline's to turn.
    model    the weights, digest verified; None where the spec wants none.
    beside   of an embedding: the signals of the file's companions, which both sides have, so that it need not send again
             what they say.
    exact    by the names of the companions' embeddings: asks for `Embedding.exact`.
    """

    run: Run
    options: Mapping[str, Any] = field(default_factory=dict)
    model: Model | None = None
    beside: tuple[Signal, ...] = ()
    exact: Mapping[str, Callable[[], NDArray[np.uint8] | None]] = field(default_factory=dict)

    def weights(self, method: str, usual: str) -> Model:
        """Return the model of a method that has one, `usual` most of the time. Raises ModelMissing."""
        if self.model is None:
            reason = f"`{method}` cannot work without weights; install gcodec-base"
            raise ModelMissing(usual, reason)
        return self.model


class Embedding(ABC):
    """Stage 1: an image to bytes, and those bytes to signals."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def analyse(self, pixels: FloatArray) -> Any:
        """Do once per image what does not depend on quality; the result goes to `encode`.

        pixels: float32 [3, H, W] in [0, 1].
        """
        return pixels

    def alternatives(self, analysis: Any, heard: Collection[str]) -> Iterator[Any]:
        """Yield other analyses of the same picture, the likeliest to decode better first; none unless implemented.

        A sender that tries several files encodes these too (`gcodec.encode(trials=...)`). Worth implementing where few
        bytes can be spent in ways that only the decoded picture tells apart.

        heard: types of signals that the reconstructor which judges looks at; of others it cannot tell what they are worth.
        """
        return iter(())

    @abstractmethod
    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the layers, base first; bytes grow with quality in [0, 1], apart from small exceptions."""

    def sizes(self, analysis: Any, quality: float) -> tuple[int, ...] | None:
        """Return the lengths of the layers that `encode` returns, or that it keeps within; None: encoding alone can tell.

        What is kept within is met closely: the rest of a target of size goes to waste.

        Rate control asks half a dozen times for one image, and encodes only where it gets None. Worth implementing
        where something of fixed length, such as the measured error of the preview, takes time to find out.
        """
        return None

    def about(self, analysis: Any, quality: float) -> float | None:
        """Return about how many bytes the layers of `encode` have, in next to no time; None: that cannot be said.

        Rate control asks for many qualities, begins where the answer is the size that is wanted, and takes half as many
        steps. Worth implementing where `encode` takes time and the answer is mostly within a third of the truth. It ascends
        with quality. Being wrong costs steps alone.
        """
        return None

    @abstractmethod
    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return the signals; of a progressive embedding any number of layers from 1 on must do.

        A file may hold other layers than `encode` made: fewer, more, of any bytes.
        Raises PayloadError for bytes that `encode` cannot have made; never anything else, whatever the bytes are.
        """

    def refine(
        self, layers: Sequence[bytes], counts: Sequence[int], size: Size
    ) -> Iterator[tuple[Signal, ...]]:
        """Yield the signals of the first `counts[0]` layers, of the first `counts[1]`, and so on; counts ascend.

        Worth implementing where one pass over the layers comes by all of these. Raises PayloadError like `decode`.
        """
        for count in counts:
            yield self.decode(layers[:count], size)

    def exact(self, layers: Sequence[bytes], size: Size) -> NDArray[np.uint8] | None:
        """Return the preview's picture in 255 parts, uint8 [3, H, W], the same to the last bit on every machine, library and
        number of threads; None: there is none, as where a float network draws it.

        What another embedding may build on that has this one for a companion. Raises PayloadError like `decode`.
        """
        return None

    def alone(self, layers: Sequence[bytes]) -> bool:
        """Whether these layers of a file with a companion decode without it, for the sender could not use it.

        Of a spec with `apart`. Raises PayloadError like `decode`.
        """
        return False

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """Return a canonical form of the decoded discrete symbols, the same on every machine (`gcodec verify`).

        Extension 5 of a file is the digest of these (spec/FORMAT.md, section 3), so they never change. The layers themselves
        where no model takes part in parsing. Raises PayloadError like `decode`.
        """
        return b"".join(layers)


class Reconstructor(ABC):
    """Stage 2: signals to an image."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    @abstractmethod
    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> FloatArray:
        """Return float32 [3, H, W] in [0, 1].

        signals: by type, with all that one of the spec's `needs` names. Randomness comes from
        ``setup.run.randomness`` alone, in the domain of decoder noise. One that draws samples returns the sample
        itself, whatever realism was asked for.
        """

    def reconstruct_all(
        self, several: Sequence[Mapping[str, Signal]], size: Size
    ) -> Sequence[FloatArray]:
        """Return what `reconstruct` does of each, in their order; all hold signals of the same types.

        Worth implementing where a network takes several pictures of one size at once. Rounding may then be another, so that
        pictures differ by what those of two machines do, and by no more.
        """
        return [self.reconstruct(signals, size) for signals in several]
