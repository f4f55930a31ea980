"""Requests that cannot be meant: the branch `UsageError` of the tree, which `gcodec.errors` draws and offers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gcodec_formats.errors import GcodecError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "InvalidOption",
    "NoPath",
    "RecipeError",
    "TargetTooSmall",
    "UnknownOption",
    "UnknownPlugin",
    "UnknownProfile",
    "Unmeasured",
    "UnusablePlugin",
    "UsageError",
]


class UsageError(GcodecError):
    """The request cannot be meant: contradictory or impossible options."""

    exit_status = 2


class UnknownPlugin(UsageError):
    """No installed plugin is called `name`.

    `similar` holds installed names that look alike; `package` the distribution that supplies it, if known, which is
    `published` or only reserved; `claimed` the one that the file which needs it says to install, whoever wrote that.
    """

    exit_status = 3

    def __init__(
        self,
        kind: str,
        name: str,
        *,
        similar: Sequence[str] = (),
        package: str | None = None,
        published: bool = True,
        claimed: str | None = None,
        advice: str = "`gcodec plugins` lists what is installed",
    ) -> None:
        self.kind, self.name, self.similar = kind, name, tuple(similar)
        self.package, self.published, self.claimed = package, published, claimed
        text = f"no installed {kind} is called '{name}'"
        if package and not published:
            text += f"; the name is reserved for {package}, which is not published yet"
        elif package:
            text += f"; install it with: pip install {package}"
        elif claimed:
            text += f"; the file says: pip install {claimed} (which nobody here has checked)"
        elif similar:
            text += f"; did you mean {' or '.join(similar)}?"
        else:
            text += f"; {advice}"
        super().__init__(text)


class UnknownProfile(UsageError):
    """The file was made with `profile` of `embedding`, which the installed plugin does not have.

    withdrawn  digest of the model of a profile that was given up before release 1.0.
    readable   whether its files decode where that model is at hand.
    """

    exit_status = 3

    def __init__(
        self,
        embedding: str,
        profile: int,
        package: str | None,
        withdrawn: str | None = None,
        readable: bool = False,
    ) -> None:
        self.embedding, self.profile, self.package = embedding, profile, package
        self.withdrawn, self.readable = withdrawn, readable
        text = f"the installed '{embedding}' has no profile {profile}"
        if withdrawn:
            way = "give that model with --models FOLDER if you have it, " if readable else ""
            text += (
                f": it was withdrawn with its model {withdrawn}; {way}encode the picture again, or"
                " decode with the gcodec that made the file"
            )
        elif package:
            text += f"; a newer one may: pip install --upgrade {package}"
        super().__init__(text)


class UnusablePlugin(UsageError):
    """The plugin `name` is installed and cannot be loaded; `reason` says why."""

    exit_status = 4

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"plugin '{name}' cannot be used: {reason}")


class UnknownOption(UsageError):
    """`owner` (a plugin's name) has no option `option`; `known` are those that it has."""

    def __init__(self, owner: str, option: str, known: Iterable[str]) -> None:
        self.owner, self.option, self.known = owner, option, tuple(known)
        has = ", ".join(self.known) or "none"
        super().__init__(f"'{owner}' has no option '{option}' (it has: {has})")


class InvalidOption(UsageError):
    """The value given for `option` of `owner` is not allowed; `expected` says what is."""

    def __init__(self, owner: str, option: str, value: object, expected: str) -> None:
        self.owner, self.option, self.value, self.expected = owner, option, value, expected
        super().__init__(f"option '{option}' of '{owner}' is {value!r}; it must be {expected}")


class NoPath(UsageError):
    """The signals of `embedding`, "" for those of any, cannot be turned into what `reconstructor` needs.

    `missing` are the signal types that would be needed; `suppliers` names plugins that make one of them; `via` is the
    adapter that the user wanted on the way.
    """

    exit_status = 5

    def __init__(
        self,
        embedding: str,
        reconstructor: str,
        missing: Sequence[str],
        suppliers: Sequence[str] = (),
        via: str | None = None,
    ) -> None:
        self.embedding, self.reconstructor, self.via = embedding, reconstructor, via
        self.missing, self.suppliers = tuple(missing), tuple(suppliers)
        if via is not None:
            place = f"between '{embedding}' and" if embedding else "on the way to"
            text = f"the adapter '{via}' leads nowhere {place} '{reconstructor}'"
            super().__init__(f"{text}; leave --via out, or see `gcodec plugins` for others")
            return
        text = f"'{reconstructor}' cannot decode '{embedding}': it needs {' or '.join(missing)}"
        supply = (
            f"{', '.join(suppliers)} would supply" if suppliers else "no installed plugin supplies"
        )
        super().__init__(f"{text}, which {supply}")


class TargetTooSmall(UsageError):
    """No file of `target` bytes was found; with `smallest` there is one, of the lowest quality. `beside`: what else takes
    bytes."""

    exit_status = 6

    def __init__(self, embedding: str, target: int, smallest: int, beside: str = "") -> None:
        self.embedding, self.target = embedding, target
        self.smallest, self.beside = smallest, beside
        text = f"{target} bytes are too few for '{embedding}' and this image"
        advice = f"do without {beside}" if beside else "take an embedding for lower rates"
        super().__init__(f"{text}; allow {smallest}, or {advice}")


class Unmeasured(UsageError):
    """Where in a picture `embedding` errs has not been measured, or only with its `own` weights; of `known` it has been."""

    exit_status = 22

    def __init__(self, embedding: str, known: Sequence[str], own: bool = False) -> None:
        self.embedding, self.known, self.own = embedding, tuple(known), own
        which = " with these weights" if own else ""
        others = f"there is one of {', '.join(known)}; " if known else ""
        super().__init__(
            f"where '{embedding}' errs has not been measured{which}, so it has no fidelity map; {others}"
            "docs/fidelity.md says how to measure"
        )


class RecipeError(UsageError):
    """The recipe `source` cannot be meant; `key` is the dotted key that is wrong, or ""."""

    exit_status = 14

    def __init__(self, source: str | Path, reason: str, key: str = "") -> None:
        self.source, self.reason, self.key = str(source), reason, key
        super().__init__(f"{source}: {key}: {reason}" if key else f"{source}: {reason}")
