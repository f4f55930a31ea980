"""The codec of `ntc` whose encoder takes its time: never more bytes than without, and never a larger error."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from gcodec_ntc.codec import Analysed, Codec, Seen, Transforms

if TYPE_CHECKING:
    from gcodec.progress import Progress
    from gcodec_ntc.search import Search

__all__ = ["ITERATIONS", "PatientCodec"]

#: Of the search, by effort.
ITERATIONS = (0, 2, 3, 4, 6, 9, 14, 22, 35, 55)
#: As `gcodec_ntc.codec` has them for its last choice.
_TRIALS, _FULL = 5, 0.997


class PatientCodec(Codec):
    """`iterations` of `gcodec_ntc.search` for each picture; the rest as `Codec`. Encoding needs torch."""

    def __init__(
        self,
        config: Mapping[str, Any],
        tensors: Mapping[str, NDArray[Any]],
        transforms: Transforms,
        iterations: int,
        progress: Progress,
    ) -> None:
        super().__init__(config, tensors, transforms)
        self._iterations, self._progress = iterations, progress

    @cached_property
    def _search(self) -> Search:
        from gcodec_ntc.search import Search

        return Search(*self._model, self.rounding.cost)

    def better(self, analysed: Analysed, level: int, plain: Seen) -> Seen:
        """What effort 0 chooses, or in at most as many bytes what has less error."""
        stream, start = self.improved(analysed, level, plain)
        first = self.nearer(analysed, level, stream, plain)
        first.y = first.preview = None
        found = self._search(analysed, level, start, self._iterations, self._progress)
        stream = self.within(analysed, level, found, len(first.stream), _TRIALS, _FULL)
        return self.nearer(analysed, level, stream, first)
