"""What a plugin module says about itself: frozen specs, returned from pluggy hooks.

A plugin is an entry point in the group ``gcodec`` that names a light module (it imports neither torch nor NumPy) with the
number of the interface that it was written for and any of these functions, each marked ``@gcodec.plugin.hookimpl`` and
returning a list of specs::

    GCODEC_INTERFACE = 1

    gcodec_embeddings()      EmbeddingSpec        stage 1: image -> bytes -> signals
    gcodec_reconstructors()  ReconstructorSpec    stage 2: signals -> image
    gcodec_adapters()        AdapterSpec          one signal type -> another
    gcodec_signals()         SignalSpec           kinds of signals
    gcodec_channels()        ChannelSpec          channel simulators of `diffc`
    gcodec_models()          ModelSpec            weights that lie in an installed package
    gcodec_networks()        NetworkSpec          classes of networks that model folders may name
    gcodec_engines()         EngineSpec           what runs the graphs beside models, in the place of torch
    gcodec_metrics()         MetricSpec           distances between a picture and its reconstruction
    gcodec_commands()        CommandSpec          commands of ``gcodec``
    gcodec_trainers()        TrainerSpec          what `gcodec train` can train

Types of signals that live in a latent space are written with variables, "noisy/{space}" and "tokens/{codebook}", which the
model in play gives their values: `gcodec.pipeline.binding`.

Implementations are named by import path ("package.module:Name") and imported on first use, so that listing plugins
costs nothing. A spec may keep its name for as long as files written under it decode; a change of what the bytes mean is
a new name or a new profile. Whose a name is, where two plugins want it: `gcodec._claims`.

What needs more than its distribution does, an extra say, names a function in `available`: it takes nothing and returns "",
or in one line what is missing here and what to install. Every list of what can be used asks it, so it is light: it looks
for a package and imports none. What cannot be used is passed over where all are meant, and refused with that line where
it is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from gcodec._weights import Codes, EngineSpec, ModelSpec, NetworkSpec, Place, Profile
from gcodec.errors import InvalidArgument
from gcodec.options import CAPTION, CAPTIONER, GUIDANCE, REALISM, TEXT, TILE, Option, steps

__all__ = [
    "CAPTION",
    "CAPTIONER",
    "GUIDANCE",
    "INTERFACE",
    "LEVELS",
    "REALISM",
    "SPECS",
    "TEXT",
    "TILE",
    "AdapterSpec",
    "ChannelSpec",
    "Codes",
    "CommandSpec",
    "EmbeddingSpec",
    "EngineSpec",
    "Field",
    "MetricSpec",
    "ModelSpec",
    "NetworkSpec",
    "Option",
    "Place",
    "Profile",
    "ReconstructorSpec",
    "SignalSpec",
    "Spec",
    "TrainerSpec",
    "hookimpl",
    "steps",
]

#: Version of the plugin interface. A plugin writes the number that it was made for into `GCODEC_INTERFACE`, as a literal;
#: one made for another number is listed as incompatible and never asked for specs.
INTERFACE = 1

#: Qualities that are told apart where an embedding does not say.
LEVELS = 1025

F = TypeVar("F", bound=Callable[..., Any])


def hookimpl(function: F) -> F:
    """Mark a function as one of the hooks (pluggy's marker for the project ``gcodec``)."""
    import pluggy

    return pluggy.HookimplMarker("gcodec")(function)


@dataclass(frozen=True)
class EmbeddingSpec:
    """Stage 1.

    makes        types of the signals that `decode` returns.
    one_of       of the types that the first so many of these stand for a file holds only one, by its quality, the first of
                 all at the highest; 0: a file holds all that there are.
    name         one word where a number is registered, otherwise "vendor/name" in a-z 0-9 . _ -
    id           registered number (spec/REGISTRY.md); None: the name itself travels in the file.
    profiles     registered profiles, the one for new files last; () where the model's digest travels instead. One that was
                 withdrawn is listed if its files can still be decoded.
    model        name of the model for new files; None: no weights.
    parse_class  "A" no model takes part in parsing, "B" an integer model does, "C" a float model does. Only A and B
                 are portable.
    progressive  a prefix of the layers is a valid lower-rate file.
    levels       how many qualities are told apart, evenly spaced in [0, 1], 2 or more; rate control tries no others.
    quality      of new files where nobody says one, in [0, 1].
    apart        its payload says which companions it was made with, and without them it refuses to decode: so a file may go
                 without them, to whoever has them.
    package      distribution that a receiver without this embedding may install, at most 64 bytes; new files say so to
                 whoever cannot decode them, for 4 bytes and the name's. Only without a number. "": they say nothing.
    finder       function (wanted, fetch, options) -> digest for models that no store has: it makes one of what the user
                 means, a checkpoint of another library say or a folder of them, and puts it into the cache
                 (`gcodec.models.cache.keep`); None where it knows nothing of that name. options: of the spec, as the sender
                 set them; {} where a model is only fetched. It downloads nothing unless `fetch`. Raises ModelError.
    available    says what is missing, as above.
    spread       how the squared error of the preview is spread over the picture, with the weights of new files: ten numbers
                 of `gcodec.pipeline.fidelity`, which docs/fidelity.py measures on photographs; (): nobody has measured it.
    """

    name: str
    summary: str
    implementation: str
    makes: tuple[str, ...]
    parse_class: Literal["A", "B", "C"]
    id: int | None = None
    profiles: tuple[Profile, ...] = ()
    model: str | None = None
    progressive: bool = False
    levels: int = LEVELS
    options: tuple[Option, ...] = ()
    one_of: int = 0
    finder: str | None = None
    package: str = ""
    available: str = ""
    apart: bool = False
    spread: tuple[float, ...] = ()
    quality: float = 0.5

    @property
    def contents(self) -> tuple[tuple[str, ...], ...]:
        """What a file may hold: sets of types, that of the highest quality first."""
        rest = self.makes[self.one_of :]
        return tuple((first, *rest) for first in self.makes[: self.one_of]) or (self.makes,)


@dataclass(frozen=True)
class ReconstructorSpec:
    """Stage 2.

    needs    alternatives, cheapest first; each a set of signal types that must all be there.
    uses     signal types that help when they are there.
    model    name of the model used by default; None: no weights.
    options  with `REALISM` among them where the picture is a sample, one of many that the seed chooses from.
    available  says what is missing, as above.
    """

    name: str
    summary: str
    implementation: str
    needs: tuple[tuple[str, ...], ...]
    uses: tuple[str, ...] = ()
    model: str | None = None
    options: tuple[Option, ...] = ()
    available: str = ""


@dataclass(frozen=True)
class AdapterSpec:
    """A way from one signal type to another.

    name            "vendor/name"; those without a vendor are registered. One of a stranger serves the embeddings and
                    reconstructors of its own distribution; others only where nothing else leads, or by ``--via NAME``.
    source, target  types. With "{space}" or "{codebook}" the adapter serves every place in play that has one.
    implementation  function (signal, size, setup) -> signal.
    model           its weights: a name, or "{autoencoder}", "{denoiser}" or "{codebook}" of the place; the last only for
                    tokens that say something alone (`Codes`).
    cost            about the milliseconds for a 768x512 image on one core, at least 1: the resolver adds them up. One for
                    every space says what it takes in `base`: which of two ways is the shorter is the same in others.
    available       says what is missing, as above.
    """

    name: str
    source: str
    target: str
    implementation: str
    cost: float
    summary: str
    model: str | None = None
    available: str = ""


@dataclass(frozen=True)
class TrainerSpec:
    """Something that `gcodec train` can train; recipes name it in their key `task`.

    implementation  a `gcodec_train.Task`.
    """

    name: str
    summary: str
    implementation: str


@dataclass(frozen=True)
class Field:
    """What one field of a signal holds.

    dtype      "str", "bool", "int" or "float" of a single value; NumPy's name of an array's, "float32" say.
    shape      of an array: numbers; "H" and "W", the sides of the picture; other letters, any number from 1 on, the same for
               one letter in all fields of a signal. (3, "H", "W") or ("C", "h", "w"), say; () of a single value.
    low, high  the least and the greatest value that may be there; None: no such bound.
    finite     whether NaN and infinity are refused.

    Raises ValueError for a single value with a shape, an array without one, or a shape of anything else.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...] = ()
    low: float | None = None
    high: float | None = None
    finite: bool = True

    def __post_init__(self) -> None:
        one = self.dtype in ("str", "bool", "int", "float")
        good = (
            (isinstance(n, int) and n > 0) or (isinstance(n, str) and len(n) == 1)
            for n in self.shape
        )
        if one is bool(self.shape) or not all(good):
            raise InvalidArgument(
                f"field {self.name}: {self.dtype} of the shape {self.shape} is nothing"
            )


@dataclass(frozen=True)
class SignalSpec:
    """A kind of signal; embeddings, adapters and reconstructors name it. `gcodec.signals.KINDS` has those of the core.

    name            "vendor/kind"; of the core's own one word.
    implementation  a frozen dataclass whose `kind` is the name; with a field `space` its type is "vendor/kind/space".
    fields          all fields of the dataclass; what an embedding or adapter returns is held against them.
    """

    name: str
    summary: str
    implementation: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class ChannelSpec:
    """A channel simulator: how `diffc` sends a sample of one Gaussian to a receiver who knows another.

    name            one word where a number is registered, otherwise "vendor/name"; one of both travels in the file.
    id              registered number, or None.
    implementation  function (bits, **options) -> gcodec.channels.Channel for steps that have so many bits: a class will do.
    options         parameters, which the user sets as in "acme/mine:depth=3". All that the receiver has to know: those that
                    differ from their defaults travel in the file.
    fixed           `simulate` always returns ceil(bits / 8) bytes; otherwise three more say in each step how many there are.
    """

    name: str
    summary: str
    implementation: str
    id: int | None = None
    options: tuple[Option, ...] = ()
    fixed: bool = False


@dataclass(frozen=True)
class MetricSpec:
    """How far a reconstruction is from its original.

    name            as users ask for it; "vendor/name" where it is not registered.
    title           as tables show it.
    implementation  function (original, decoded) -> float of two pictures, float32 [3, H, W] in [0, 1]. Raises
                    MetricUnavailable where it lacks weights or packages, or where the pictures are too small.
    rises           whether more is better.
    decimals, unit  how it is shown.
    """

    name: str
    title: str
    summary: str
    implementation: str
    rises: bool
    decimals: int = 4
    unit: str = ""


@dataclass(frozen=True)
class CommandSpec:
    """A command of ``gcodec``; `implementation` is a click.Command, imported when it is called."""

    name: str
    summary: str
    implementation: str


Spec: TypeAlias = (
    EmbeddingSpec
    | ReconstructorSpec
    | AdapterSpec
    | SignalSpec
    | ChannelSpec
    | ModelSpec
    | NetworkSpec
    | EngineSpec
    | MetricSpec
    | CommandSpec
    | TrainerSpec
)

#: Kind of spec -> its class; the hook of a kind is called "gcodec_" and the kind's plural.
SPECS: Mapping[str, type[Spec]] = {
    "embedding": EmbeddingSpec,
    "reconstructor": ReconstructorSpec,
    "adapter": AdapterSpec,
    "signal": SignalSpec,
    "channel": ChannelSpec,
    "model": ModelSpec,
    "network": NetworkSpec,
    "engine": EngineSpec,
    "metric": MetricSpec,
    "command": CommandSpec,
    "trainer": TrainerSpec,
}
