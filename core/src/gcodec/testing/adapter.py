"""What every adapter must do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest

from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.pipeline.binding import bind, ways
from gcodec.pipeline.resolver import run_adapter
from gcodec.plugin import AdapterSpec, EmbeddingSpec
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Signal, Text, by_type, type_of
from gcodec.testing import _signals, _specs, pictures
from gcodec.testing._sources import BLURRED, file_of, signals_of
from gcodec.testing.embedding import LARGE, assert_light

__all__ = ["AdapterConformance"]

_SIZES = (Size(1, 1), Size(1, 7), Size(17, 33), Size(48, 64))


class AdapterConformance:
    """Subclass it as ``class Test...`` and set `source` and `target`, the signal types, and `name`.

    Without a name the cheapest adapter between the two is taken. Variables have the values that an installed model gives
    them: "latent/base" where the spec says "latent/{space}".

    large  height and width of pictures beyond 512 pixels.

    Signals to convert come from a blurred picture (preview), a caption (text), or an installed embedding that makes
    the type; where there is none, override `example`.
    """

    name: ClassVar[str] = ""
    source: ClassVar[str]
    target: ClassVar[str]
    large: ClassVar[Sequence[tuple[int, int]]] = LARGE

    @pytest.fixture(autouse=True)
    def _usable(self) -> None:
        """Skip all tests where the plugin says that something is missing here."""
        _specs.skip_unless_usable(AdapterSpec, self.name)

    @property
    def spec(self) -> AdapterSpec:
        """The installed spec, bound to an installed model."""
        found = [
            adapter
            for adapter in ways(registry()).adapters
            if (adapter.source, adapter.target) == (self.source, self.target)
            and self.name in ("", adapter.name)
        ]
        assert found, f"no installed adapter leads from {self.source} to {self.target}"
        return min(found, key=lambda spec: spec.cost)

    def example(self, size: Size) -> Signal:
        """Return a signal of type `source` for a picture of `size`."""
        if self.source == "preview":
            return signals_of(BLURRED, None, size)[0][0]
        if self.source == "text":
            return Text("a red ball before green hills, under a pale sky")
        store = ModelStore.installed()
        senders = (bind(e, None, store).spec for e in registry().usable(EmbeddingSpec).values())
        makers = [e.name for e in senders if self.source in e.makes]
        assert makers, f"no installed embedding makes {self.source}; override `example`"
        data = file_of(makers[0], pictures.photograph(*size), 0.5)
        return by_type(signals_of(makers[0], data)[0])[self.source]

    def adapt(self, signal: Signal, size: Size) -> Signal:
        """Return what the adapter makes of a signal, checked."""
        return run_adapter(self.spec, signal, size, Run())

    def test_spec(self) -> None:
        """The spec is well formed and the module that offers it is light."""
        _specs.check_adapter(self.spec)
        assert_light(self.spec)

    def test_types_and_ranges(self) -> None:
        """At every size a signal of the source type becomes a valid one of the target type."""
        for size in (*self.sizes(), *(Size(*large) for large in self.large)):
            signal = self.example(size)
            assert type_of(signal) == self.source
            self.adapt(signal, size)

    def test_is_a_function(self) -> None:
        """The same signal gives the same result twice, and is left as it was."""
        size = Size(17, 33)
        signal = self.example(size)
        before = _signals.flatten([signal])
        one, other = self.adapt(signal, size), self.adapt(signal, size)
        apart = _signals.difference(_signals.flatten([one]), _signals.flatten([other]))
        assert apart == 0, f"the same signal gives results {apart:g} apart"
        changed = _signals.difference(before, _signals.flatten([signal]))
        assert changed == 0, "the adapter wrote into the signal"

    def sizes(self) -> Sequence[Size]:
        """Return the sizes to test at."""
        return _SIZES
