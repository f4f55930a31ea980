"""A module, or any object with hooks, as a plugin without being installed: for notebooks and for tests.

    class Mine:
        GCODEC_INTERFACE = 1

        @gcodec.plugin.hookimpl
        def gcodec_embeddings(self):
            return [EmbeddingSpec("me/mine", "under way", "__main__:Codec", ("preview",), "A")]

    with gcodec.register(Mine()):
        gcodec.encode(picture, "me/mine")

It stands in this process alone: the fresh processes of ``mix`` and ``eval`` know what is installed and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gcodec._discovery import GIVEN, REGISTERED
from gcodec.errors import UnusablePlugin, UsageError
from gcodec.plugin import Spec
from gcodec.registry import registry

__all__ = ["Registration", "check_installed", "register"]


@dataclass(frozen=True, eq=False)
class Registration:
    """What stands as a plugin until `undo`, which may be called again, or until the end of a ``with`` block."""

    name: str
    module: Any

    def undo(self) -> None:
        GIVEN[:] = [one for one in GIVEN if one is not self]
        registry.cache_clear()

    def __enter__(self) -> Registration:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()


def register(module: Any, *, name: str | None = None) -> Registration:
    """Let a module stand as a plugin, and its name as its distribution, by default that of the module or class.

    Hooks are asked anew: whoever has reloaded a module registers it again. Of two under one name the later stands, and after
    it is undone the earlier. Whose the names in its specs are, is settled as among installed plugins (`gcodec._claims`).

    Raises UnusablePlugin, and changes nothing, where the module or one of its specs cannot be used.
    """
    own = getattr(module, "__name__", type(module).__name__)
    if not isinstance(name, str | None):
        raise UsageError(f"a plugin is called by a text, not by {name!r}")
    one = Registration(own if name is None else name, module)
    GIVEN.append(one)
    registry.cache_clear()
    try:
        plugin = next(
            p for p in registry().plugins if (p.name, p.version) == (one.name, REGISTERED)
        )
    except BaseException:
        one.undo()
        raise
    for reason in (plugin.error, *(refused.reason for refused in plugin.refused)):
        if reason:
            one.undo()
            raise UnusablePlugin(one.name, reason)
    return one


def check_installed(specs: Iterable[Spec]) -> None:
    """Refuse what another process could not find. Raises UsageError."""
    here = [spec for p in registry().plugins if p.version == REGISTERED for spec in p.specs]
    for spec in specs:
        if spec in here:
            raise UsageError(
                f"'{spec.name}' is registered in this process alone, and another one would have to find it: install it"
            )
