"""What a plugin module says about itself: frozen specs, returned from six pluggy hooks.

A plugin is an entry point in the group ``gcodec`` that names a light module (it imports neither torch nor NumPy) with
any of these functions, each marked ``@gcodec.plugin.hookimpl`` and returning a list of specs::

    gcodec_embeddings()      EmbeddingSpec        stage 1: image -> bytes -> signals
    gcodec_reconstructors()  ReconstructorSpec    stage 2: signals -> image
    gcodec_adapters()        AdapterSpec          one signal type -> another
    gcodec_models()          ModelSpec            weights that lie in an installed package
    gcodec_trainers()        TrainerSpec          what `gcodec train` can train
    gcodec_networks()        NetworkSpec          classes of networks that model folders may name

Types of signals that live in a latent space name it ("noisy/base"). In the spec of an embedding or a reconstructor it is
the space of the spec's own model; where the user names another model, that model's space stands in its place, and the
tokens of that model's codebook in the place of those that the spec names.

Implementations are named by import path ("package.module:Name") and imported on first use, so that listing plugins
costs nothing. A spec may keep its name for as long as files written under it decode; a change of what the bytes mean is
a new name or a new profile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

__all__ = [
    "CAPTION",
    "CAPTIONER",
    "GUIDANCE",
    "INTERFACE",
    "LEVELS",
    "REALISM",
    "TEXT",
    "TILE",
    "AdapterSpec",
    "EmbeddingSpec",
    "ModelSpec",
    "NetworkSpec",
    "Option",
    "Profile",
    "ReconstructorSpec",
    "TrainerSpec",
    "hookimpl",
    "steps",
]

#: Version of the plugin interface. A plugin built for another one is listed as incompatible and never loaded.
INTERFACE = 1

#: Qualities that are told apart where an embedding does not say.
LEVELS = 1025

F = TypeVar("F", bound=Callable[..., Any])


def hookimpl(function: F) -> F:
    """Mark a function as one of the six hooks (pluggy's marker for the project ``gcodec``)."""
    import pluggy

    return pluggy.HookimplMarker("gcodec")(function)


@dataclass(frozen=True)
class Option:
    """One option of a plugin: a command-line flag, a help line and a check in one value.

    name     as in Python; the flag is ``--name`` with dashes.
    type     bool, int, float or str.
    default  used when the user says nothing; it costs no bits in a file.
    help     one line, with units.
    choices  allowed values, if they are few.
    minimum, maximum   inclusive bounds of a number.
    """

    name: str
    type: type
    default: Any
    help: str
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


#: The dial of every reconstructor that draws samples: such a one lists this value, not an option of its own, among its
#: options, always returns its sample, and never sees the setting. The pipeline turns the dial (`gcodec.stage2`).
REALISM = Option(
    "realism",
    float,
    1.0,
    "0 gives the preview (least squared error), 1 the sample, 0.5 the point half way",
    minimum=0.0,
    maximum=1.0,
)


#: Largest side of what a network sees at a time.
TILE = Option(
    "tile",
    int,
    1024,
    "largest side of a tile, in pixels; memory grows with its square",
    choices=(256, 512, 1024, 2048),
)

#: Classifier-free guidance of a sampler (`gcodec.latents.guided`).
GUIDANCE = Option(
    "guidance",
    float,
    1.0,
    "how far to go from what the network says unconditionally to what it says given the file, and beyond;"
    " other than 1 takes twice the time",
    minimum=0.0,
    maximum=20.0,
)


TEXT = Option("text", str, "", "the caption, at most 4096 bytes of UTF-8; none unless given")

CAPTIONER = Option(
    "captioner",
    str,
    "",
    "model that writes the caption where no text is given: a folder, or OWNER/NAME that `gcodec models --fetch` fetched",
)

#: Options of every embedding that sends text (`gcodec.captioning`).
CAPTION = (TEXT, CAPTIONER)


def steps(default: int, maximum: int = 64) -> Option:
    """The option `steps` of a sampler."""
    return Option(
        "steps", int, default, "sampling steps; time grows with them", minimum=1, maximum=maximum
    )


@dataclass(frozen=True)
class ModelSpec:
    """Weights in an installed package.

    name     "distribution/model", e.g. "base/ntc".
    digest   SHA-256 of the folder, hexadecimal (`gcodec.models.folder_digest`).
    folder   "package:path/inside", e.g. "gcodec_base:models/ntc": a diffusers-style folder.
    """

    name: str
    digest: str
    folder: str
    summary: str
    licence: str


@dataclass(frozen=True)
class Profile:
    """A registered number (1..255) that pins what stage 1 needs: the weights by digest, or none at all."""

    id: int
    model: str | None = None


@dataclass(frozen=True)
class EmbeddingSpec:
    """Stage 1.

    makes        types of the signals that `decode` returns.
    one_of       of the first so many of them a file holds only one, by its quality, the first of all at the highest; 0: a
                 file holds all that there are.
    name         one word where a number is registered, otherwise "vendor/name" in a-z 0-9 . _ -
    id           registered number (spec/REGISTRY.md); None: the name itself travels in the file.
    profiles     registered profiles, the one for new files last; () where the model's digest travels instead.
    model        name of the model for new files; None: no weights.
    parse_class  "A" no model takes part in parsing, "B" an integer model does, "C" a float model does. Only A and B
                 are portable.
    progressive  a prefix of the layers is a valid lower-rate file.
    levels       how many qualities are told apart, evenly spaced in [0, 1], 2 or more; rate control tries no others.
    finder       function (wanted, fetch) -> digest for models that no store has: it makes one of what the user means, a
                 checkpoint of another library say, and puts it into the cache (`gcodec.hub.keep`); None where it knows
                 nothing of that name. It downloads nothing unless `fetch`. Raises ModelError.
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
    interface: int = INTERFACE
    one_of: int = 0
    finder: str | None = None

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
    """

    name: str
    summary: str
    implementation: str
    needs: tuple[tuple[str, ...], ...]
    uses: tuple[str, ...] = ()
    model: str | None = None
    options: tuple[Option, ...] = ()
    interface: int = INTERFACE


@dataclass(frozen=True)
class AdapterSpec:
    """A way from one signal type to another.

    source, target  types; "*" for a space ("noisy/*") makes the adapter serve every space that a model in play brings
                    with it (`gcodec.networks.Place`).
    implementation  function (signal, size, setup) -> signal.
    model           its weights. An adapter of every space has none of its own: `setup.model` is the denoiser in play
                    where noise or tokens are involved, otherwise the autoencoder.
    cost            about the milliseconds for a 768x512 image on one core, at least 1: the resolver adds them up.
    """

    source: str
    target: str
    implementation: str
    cost: float
    summary: str
    model: str | None = None
    interface: int = INTERFACE


@dataclass(frozen=True)
class NetworkSpec:
    """A class of networks: how a model folder that names it becomes something that can be used.

    name            the value of `_class_name`, as diffusers writes it in config.json or model_index.json; or the first of
                    `architectures`, as transformers does.
    kind            which interface of `gcodec.networks` comes of it; "other": what an embedding of the same plugin
                    keeps beside a network, a schedule or an entropy model, of which others want to know the place alone.
    implementation  function (model, run) -> LatentSpace, Denoiser, Codebook or Captioner, whatever the run's seed.
    place           function (model, store) -> gcodec.networks.Place, which imports no torch.
    """

    name: str
    kind: Literal["space", "denoiser", "codebook", "captioner", "other"]
    summary: str
    implementation: str
    place: str | None = None
    interface: int = INTERFACE


@dataclass(frozen=True)
class TrainerSpec:
    """Something that `gcodec train` can train; recipes name it in their key `task`.

    implementation  a `gcodec.training.Task`.
    """

    name: str
    summary: str
    implementation: str
    interface: int = INTERFACE
