"""What plugins say of weights: specs of models, of what opens them, and of where the signals of a model live.

`gcodec.plugin` offers them with the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Codes", "EngineSpec", "ModelSpec", "NetworkSpec", "Place", "Profile"]


@dataclass(frozen=True)
class Codes:
    """Tokens of a space: their name, as in "tokens/NAME", and the model that opens as their codebook.

    alone  whether they say something of the latent by themselves (`Codebook.dequantize`), not to a denoiser only.
    """

    name: str
    model: str
    alone: bool = True


@dataclass(frozen=True)
class Place:
    """Where the signals of a model live: the values of the variables in specs.

    A denoiser of pixels has a space too, whose autoencoder changes nothing.

    space        name of the latent space.
    autoencoder  model that opens as that space.
    denoiser     model that opens as a denoiser there; None where there is none.
    codebooks    tokens that the denoiser was trained with, the finest first.
    """

    space: str
    autoencoder: str
    denoiser: str | None = None
    codebooks: tuple[Codes, ...] = ()


@dataclass(frozen=True)
class ModelSpec:
    """Weights in an installed package.

    name     "distribution/model", e.g. "base/ntc".
    digest   SHA-256 of the folder, hexadecimal (`gcodec.models.folder_digest`).
    folder   "package:path/inside", e.g. "gcodec_base:models/ntc": a diffusers-style folder.
    place    where its signals live, so that nobody has to read the folder to know; None: as its class says of the folder
             (`NetworkSpec.place`).
    graphs   of its networks, "NAME.onnx" in the folder: pairs of NAME and SHA-256, hexadecimal (`gcodec.models.graphs`).
    """

    name: str
    digest: str
    folder: str
    summary: str
    licence: str
    place: Place | None = None
    graphs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class NetworkSpec:
    """A class of networks: how a model folder that names it becomes something that can be used.

    name            the value of `_class_name`, as diffusers writes it in config.json or model_index.json; or the first of
                    `architectures`, as transformers does.
    kind            which interface of `gcodec.models.networks` comes of it; "other": what an embedding of the same plugin
                    keeps beside a network, a schedule or an entropy model, of which others want to know the place alone.
    implementation  function (model, run) -> LatentSpace, Denoiser, Codebook or Captioner, whatever the run's seed.
    place           function (model, store) -> Place, of a folder that no `ModelSpec` speaks for; it imports no torch.
    available       says what is missing: `gcodec.plugin`.
    half            whether its pictures are as good where it computes in bfloat16 (`gcodec.Run.native`).
    """

    name: str
    kind: Literal["space", "denoiser", "codebook", "captioner", "other"]
    summary: str
    implementation: str
    place: str | None = None
    available: str = ""
    half: bool = False


@dataclass(frozen=True)
class EngineSpec:
    """What runs the graphs beside models on the CPU in single precision, and is preferred to torch there.

    implementation  function (path of an ONNX file) -> gcodec.models.graphs.Graph; the weights lie in the same folder.
    available       says what is missing: `gcodec.plugin`.
    """

    name: str
    summary: str
    implementation: str
    available: str = ""


@dataclass(frozen=True)
class Profile:
    """A registered number (1..255) that pins what stage 1 needs: the weights by digest, or none at all.

    withdrawn  new files do not have it, and its weights are not shipped. Since then nothing has changed but weights, so that
               its files decode where the user has that model.
    """

    id: int
    model: str | None = None
    withdrawn: bool = False
