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

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gcodec._usage import (
    InvalidOption,
    NoPath,
    RecipeError,
    TargetTooSmall,
    UnknownOption,
    UnknownPlugin,
    UnknownProfile,
    Unmeasured,
    UnusablePlugin,
    UsageError,
)
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
