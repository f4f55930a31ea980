"""Everything that gcodec raises on purpose, in one tree.

    GcodecError                      exit status
    ├── InvalidArgument          2    a function was called with a value that it cannot take
    ├── UsageError                   2    options that cannot be meant
    │   ├── UnknownPlugin            3    no installed plugin has that name
    │   ├── UnknownProfile           3    the plugin is installed, in a version without that profile
    │   ├── UnusablePlugin           4    the plugin is installed and cannot be used
    │   ├── UnknownOption            2    the plugin has no such option
    │   ├── InvalidOption            2    the option's value is out of its range
    │   ├── NoPath                   5    no adapter leads from these signals to that reconstructor
    │   ├── TargetTooSmall           6    even the lowest quality is larger than the asked size
    │   ├── Unmeasured               22   nobody has measured where that embedding's files err
    │   └── RecipeError              14   a recipe cannot be read, or says what its trainer does not know
    ├── ImageError                   7    the picture cannot be read or is beyond the limits
    ├── OutputError                  8    the result cannot be written
    │   └── OutputExists             8    ... because something is there and --force was not given
    ├── ModelError                   9    weights are missing, damaged or not the ones named
    │   ├── ModelMissing             9
    │   ├── ModelDamaged             9
    │   └── UnknownNetwork           9    no installed plugin opens networks of that class
    ├── PayloadError                 10   the container is sound, the bytes of stage 1 are not
    ├── VerificationError            11   stage 1 decodes to other symbols than the sender's
    ├── WorkerError                  12   the fresh decoding process failed
    ├── MetricUnavailable            13   a metric lacks its weights, its package, or pixels to work on
    ├── CheckpointError              15   a training's saved state is damaged, or of another training
    ├── TrainingDiverged             16   a loss or a gradient is not a finite number
    ├── ChannelError                 17   a channel simulator cannot send that, or never makes those bits
    ├── PluginError                  18   a plugin raised what it must not, or returned what it must not
    ├── ChecksFailed                 19   `gcodec check-plugin` or `doctor` has found flaws
    ├── PartlyFailed                 21   some of several pairs or pictures failed, each named with its reason
    └── FormatError                  20   the container is damaged; `gcodec_formats.errors` says in which ways

Ctrl-C is 130 and a reader that went away 141, as in any shell. Every other exception is a defect of gcodec: exit status
70. An exception class of a plugin's own belongs below one of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gcodec_formats.errors import FormatError, GcodecError, InvalidArgument

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ChannelError",
    "ChecksFailed",
    "CheckpointError",
    "FormatError",
    "GcodecError",
    "InvalidArgument",
    "ImageError",
    "InvalidOption",
    "MetricUnavailable",
    "ModelDamaged",
    "ModelError",
    "ModelMissing",
    "NoPath",
    "OutputError",
    "OutputExists",
    "PartlyFailed",
    "PayloadError",
    "PluginError",
    "RecipeError",
    "TargetTooSmall",
    "TrainingDiverged",
    "UnknownNetwork",
    "UnknownOption",
    "UnknownPlugin",
    "UnknownProfile",
    "Unmeasured",
    "UnusablePlugin",
    "UsageError",
    "VerificationError",
    "WorkerError",
]

#: Of so many names an error lists all.
_MANY = 6
DEFECT_EXIT_STATUS = 70
INTERRUPTED_EXIT_STATUS = 130
CLOSED_PIPE_EXIT_STATUS = 141


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
    """

    exit_status = 3

    def __init__(
        self, embedding: str, profile: int, package: str | None, withdrawn: str | None = None
    ) -> None:
        self.embedding, self.profile, self.package = embedding, profile, package
        self.withdrawn = withdrawn
        text = f"the installed '{embedding}' has no profile {profile}"
        if withdrawn:
            text += (
                f": it was withdrawn with its model {withdrawn}; encode the picture again, or"
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
    """The signals of `embedding` cannot be turned into what `reconstructor` needs.

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
            text = f"the adapter '{via}' leads nowhere between '{embedding}' and '{reconstructor}'"
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


class ImageError(GcodecError):
    """The image `source` cannot be read, or cannot be coded as it is."""

    exit_status = 7

    def __init__(self, source: str, reason: str) -> None:
        self.source, self.reason = source, reason
        super().__init__(f"{source}: {reason}")


class OutputError(GcodecError):
    """`path` cannot be written; nothing is left there half done."""

    exit_status = 8

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"cannot write {path}: {reason}")


class OutputExists(OutputError):
    """`path` exists and was not to be overwritten."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, "it exists; give --force to overwrite it")


class ModelError(GcodecError):
    """Weights that are needed cannot be used."""

    exit_status = 9


class ModelMissing(ModelError):
    """No model store holds `model` (a name, or a digest in hexadecimal)."""

    def __init__(self, model: str, advice: str) -> None:
        self.model, self.advice = model, advice
        super().__init__(f"model {model or repr(model)} is not installed; {advice}")


class ModelDamaged(ModelError):
    """The folder of `model` does not hold the weights that its digest names."""

    def __init__(self, model: str, reason: str) -> None:
        self.model, self.reason = model, reason
        super().__init__(f"model {model}: {reason}")


class UnknownNetwork(ModelError):
    """No installed plugin opens the network class `network` of `model` as a `kind`; `known` are those it could be.

    part   whether the folder is one component, of which a whole pipeline may be had.
    """

    def __init__(
        self, model: str, network: str, kind: str, known: Sequence[str], part: bool = False
    ) -> None:
        self.model, self.network, self.kind, self.known = model, network, kind, tuple(known)
        here = ", ".join(known) or "none; install gcodec-diffusers"
        if len(known) > _MANY:
            near = get_close_matches(network, known, _MANY, 0) if network else known[:_MANY]
            here = f"{len(known)}, the nearest {', '.join(near)}"
        text = f"model {model} is of class {network}, which no installed plugin opens as a {kind}; classes known: {here}"
        if part:
            text += "; if it is a part of a pipeline, name the folder that holds model_index.json"
        super().__init__(text)


class PayloadError(GcodecError):
    """The stage-1 bytes of `embedding` cannot be decoded although the container is sound."""

    exit_status = 10

    def __init__(self, embedding: str, reason: str) -> None:
        self.embedding, self.reason = embedding, reason
        super().__init__(f"payload of '{embedding}': {reason}")


class ChannelError(GcodecError):
    """The channel simulator `channel` cannot send what it was asked to, or was given bits that it never makes."""

    exit_status = 17

    def __init__(self, channel: str, reason: str) -> None:
        self.channel, self.reason = channel, reason
        super().__init__(f"channel '{channel}': {reason}")


class PluginError(GcodecError):
    """The `kind` `plugin` of `distribution` broke its promise: an exception escaped it, the cause of this one, or it
    returned what cannot be used; `reason` says which.
    """

    exit_status = 18

    def __init__(self, kind: str, plugin: str, distribution: str, reason: str) -> None:
        self.kind, self.plugin, self.distribution, self.reason = kind, plugin, distribution, reason
        super().__init__(
            f"{kind} '{plugin}' of {distribution}: {reason} (GCODEC_TRACEBACK=1 shows where)"
        )


class VerificationError(GcodecError):
    """Stage 1 decodes, but not to the symbols that the sender had."""

    exit_status = 11

    def __init__(self, source: str, expected: bytes, found: bytes) -> None:
        self.source, self.expected, self.found = source, expected, found
        super().__init__(
            f"{source}: stage 1 decodes to symbols {found.hex()}, the sender had {expected.hex()};"
            " this machine does not decode the file correctly"
        )


class WorkerError(GcodecError):
    """The fresh process that decodes ended with `status` and said `output`."""

    exit_status = 12

    def __init__(self, status: int, output: str) -> None:
        self.status, self.output = status, output
        last = output.strip().splitlines()[-1] if output.strip() else "it printed nothing"
        super().__init__(f"the decoding process ended with status {status}: {last}")


class MetricUnavailable(GcodecError):
    """`metric` cannot be computed here; `reason` says why, and what would help."""

    exit_status = 13

    def __init__(self, metric: str, reason: str) -> None:
        self.metric, self.reason = metric, reason
        super().__init__(f"{metric}: {reason}")


class ChecksFailed(GcodecError):
    """Of `total` checks of what `distribution` offers, `failed` have failed."""

    exit_status = 19

    def __init__(self, distribution: str, failed: int, total: int) -> None:
        self.distribution, self.failed, self.total = distribution, failed, total
        super().__init__(f"{distribution}: {failed} of {total} checks failed")


class PartlyFailed(GcodecError):
    """Of `total` `things` ("pairs", say) `failed` have failed, each named with its reason; the others are done."""

    exit_status = 21

    def __init__(self, failed: int, total: int, things: str) -> None:
        self.failed, self.total, self.things = failed, total, things
        super().__init__(f"{failed} of {total} {things} failed")


class CheckpointError(GcodecError):
    """The training in `path` cannot go on from what was saved there; `keys` of the recipe differ, if that is why."""

    exit_status = 15

    def __init__(self, path: str | Path, reason: str, keys: Sequence[str] = ()) -> None:
        self.path, self.reason, self.keys = str(path), reason, tuple(keys)
        super().__init__(f"{path}: {reason}")


class TrainingDiverged(GcodecError):
    """At `step`, `what` (a loss or "gradient") is not a finite number; `saved` is the step of the last saved state."""

    exit_status = 16

    def __init__(self, step: int, what: str, saved: int) -> None:
        self.step, self.what, self.saved = step, what, saved
        kept = f"the state of step {saved} is kept, and the same command goes on from it"
        super().__init__(
            f"at step {step} the {what} is not a finite number; {kept if saved else 'nothing was saved yet'}; if it comes to"
            " this again, begin anew with a lower plan.lr or plan.clip, or with plan.precision float32"
        )
