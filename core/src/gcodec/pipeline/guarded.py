"""An embedding as the pipeline sees it: every call of it crosses the border (`gcodec.border`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from gcodec.border import (
    Unfit,
    check_about,
    check_exact,
    check_layers,
    check_signals,
    check_sizes,
    check_symbols,
    of_plugin,
)
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.pipeline.kept import set_up

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gcodec.plugin import EmbeddingSpec
    from gcodec.signals import FloatArray, Signal

__all__ = ["Guarded"]


class Guarded(Embedding):
    """The implementation of a spec, with what it returns checked.

    contents  sets of types of signals; a file holds one of them.

    All methods raise PluginError, and what the embedding raises on purpose.
    """

    def __init__(
        self, spec: EmbeddingSpec, setup: Setup, contents: Sequence[Sequence[str]]
    ) -> None:
        super().__init__(setup)
        self._spec, self._contents = spec, contents
        self._inner = cast(Embedding, set_up(spec, setup))

    def analyse(self, pixels: FloatArray) -> Any:
        with of_plugin(self._spec):
            return self._inner.analyse(pixels)

    def alternatives(self, analysis: Any, heard: Collection[str]) -> Iterator[Any]:
        with of_plugin(self._spec):
            found = iter(self._inner.alternatives(analysis, heard))
        while True:
            with of_plugin(self._spec):
                other = next(found, self)
            if other is self:
                return
            yield other

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        with of_plugin(self._spec):
            return check_layers(self._inner.encode(analysis, quality))

    def sizes(self, analysis: Any, quality: float) -> tuple[int, ...] | None:
        with of_plugin(self._spec):
            return check_sizes(self._inner.sizes(analysis, quality))

    def about(self, analysis: Any, quality: float) -> float | None:
        with of_plugin(self._spec):
            return check_about(self._inner.about(analysis, quality))

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        with of_plugin(self._spec):
            return check_signals(self._inner.decode(layers, size), size, self._contents)

    def refine(
        self, layers: Sequence[bytes], counts: Sequence[int], size: Size
    ) -> Iterator[tuple[Signal, ...]]:
        with of_plugin(self._spec):
            refined = iter(self._inner.refine(layers, counts, size))
        for _ in counts:
            with of_plugin(self._spec):
                signals = next(refined, None)
                if signals is None:
                    raise Unfit("refine ended before the last of them")
                check_signals(signals, size, self._contents)
            yield signals

    def exact(self, layers: Sequence[bytes], size: Size) -> NDArray[np.uint8] | None:
        with of_plugin(self._spec):
            return check_exact(self._inner.exact(layers, size), size)

    def alone(self, layers: Sequence[bytes]) -> bool:
        with of_plugin(self._spec):
            return bool(self._inner.alone(layers))

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        with of_plugin(self._spec):
            return check_symbols(self._inner.symbols(layers, size))
