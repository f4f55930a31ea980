"""Implementations set up for a file, and set up once where a session keeps them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from gcodec.border import of_plugin
from gcodec.models.building import unseen
from gcodec.registry import load_object

if TYPE_CHECKING:
    from gcodec.interfaces import Setup
    from gcodec.plugin import EmbeddingSpec, ReconstructorSpec
    from gcodec.signals import Signal

__all__ = ["Kept", "set_up"]


class Kept(WeakValueDictionary[tuple[object, ...], Any]):
    """The `Run.opened` of a session: the `most` networks and implementations that were used last stay alive."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._held: OrderedDict[tuple[object, ...], Any] = OrderedDict()

    def get(self, key: tuple[object, ...], default: Any = None) -> Any:
        found = super().get(key, default)
        if found is not None:
            self._hold(key, found)
        return found

    def __setitem__(self, key: tuple[object, ...], value: Any) -> None:
        super().__setitem__(key, value)
        self._hold(key, value)

    def _hold(self, key: tuple[object, ...], value: Any) -> None:
        self._held[key] = value
        self._held.move_to_end(key)
        while len(self._held) > self._most:
            self._held.popitem(last=False)

    def clear(self) -> None:
        self._held.clear()
        super().clear()


def set_up(spec: EmbeddingSpec | ReconstructorSpec, setup: Setup) -> Any:
    """Import and set up what a spec names, or return it where a session has it under the same circumstances.

    Raises UnusablePlugin, and PluginError for whatever else goes wrong in it.
    """
    with unseen(), of_plugin(spec):
        implementation = load_object(spec.name, spec.implementation)
        kept = setup.run.opened
        if not isinstance(kept, Kept):
            return implementation(setup)
        run, model = setup.run, setup.model
        key = (
            *(type(spec), spec.name, spec.implementation, *sorted(setup.options.items())),
            *(model and (model.folder, model.digest), _digest(setup.beside), *sorted(setup.exact)),
            *(run.seed, run.device, run.dtype, run.native, run.memory),
        )
        made = kept.get(key)
        if made is None:
            made = kept[key] = implementation(setup)
        return made


def _digest(signals: Iterable[Signal]) -> str:
    """Return a digest of all that signals hold."""
    digest = hashlib.sha256()
    for signal in signals:
        digest.update(repr(type(signal)).encode())
        for field in fields(signal):
            value = getattr(signal, field.name)
            shape, raw = (
                getattr(value, "shape", ()),
                getattr(value, "tobytes", repr(value).encode)(),
            )
            digest.update(f"{field.name} {shape} {len(raw)}:".encode() + raw)
    return digest.hexdigest()
