"""The embedding `ntc`: `gcodec_ntc.codec`, or a model of the CompressAI zoo, behind gcodec's stage-1 interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gcodec.errors import PayloadError, UsageError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.models.graphs import graphs_of, torch_missing
from gcodec.signals import Preview, Signal
from gcodec_ntc.codec import Codec, Transforms
from gcodec_ntc.effort import ITERATIONS, PatientCodec
from gcodec_ntc.payload import NAME
from gcodec_ntc.whole import CLASS as WHOLE
from gcodec_ntc.whole import NETWORKS, WholeCodec
from gcodec_ntc.zoo.architectures import CLASS as ZOO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gcodec.models import Model
    from gcodec.run import Run
    from gcodec.signals import FloatArray
    from gcodec_ntc.zoo.codec import ZooCodec


class Ntc(Embedding):
    """One layer, one preview. Quality is rounded to the levels that the model's codec has.

    With its own models it runs on the CPU whatever the run's device: their networks are small. The integer part is NumPy,
    the transforms are graphs where those of the model can be run, torch's otherwise.
    Raises ModelMissing without a model and ModelDamaged for one that is not an `ntc` model.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._model = model = setup.weights("ntc", "base/ntc_range")
        with model.taken_as("the weights of `ntc`"):
            self._codec = _codec(model, setup.run, setup.options.get("effort", 0))

    def analyse(self, pixels: FloatArray) -> Any:
        """Run the analysis transform on float32 [3, H, W] in [0, 1]."""
        return self._codec.analyse(pixels)

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the one layer at `quality` in [0, 1]."""
        return (self._codec.encode(analysis, self._level(quality)),)

    def sizes(self, analysis: Any, quality: float) -> tuple[int, ...]:
        """Return the length of the layer as it is chosen first: all that is chosen afterwards keeps within."""
        return (self._codec.size(analysis, self._level(quality)),)

    def about(self, analysis: Any, quality: float) -> float | None:
        """Return about how long it is, from how many latents do not vanish."""
        return self._codec.about(analysis, self._level(quality))

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return the preview with the squared error that the encoder measured."""
        return (Preview(*self._codec.decode(_only(layers), size.height, size.width)),)

    def exact(self, layers: Sequence[bytes], size: Size) -> NDArray[np.uint8] | None:
        """The picture of section 11 of spec/embeddings/ntc.md; None with a model of the zoo. Raises ModelDamaged."""
        with self._model.taken_as("the weights of `ntc`"):
            return self._codec.exact(_only(layers), size.height, size.width)

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """What spec/embeddings/ntc.md says that the digest is of: the head, then all latents or coefficients."""
        return self._codec.symbols(_only(layers), size.height, size.width)

    def _level(self, quality: float) -> int:
        return round(min(max(quality, 0.0), 1.0) * (self._codec.levels - 1))


def _codec(model: Model, run: Run, effort: int) -> Codec | WholeCodec | ZooCodec:
    if effort and (missing := torch_missing()):
        raise UsageError(f"ntc's --effort {effort}: {missing}; or leave --effort out")
    if model.class_name == ZOO:
        if effort:
            raise UsageError(
                f"ntc's --effort is for its own models, and {model.name} is of the CompressAI zoo; leave --effort out"
            )
        from gcodec.models.devices import torch_device
        from gcodec_ntc.zoo.codec import ZooCodec

        return ZooCodec(model.config, model.tensors(), torch_device(run.device))
    if model.class_name == WHOLE:
        # It is looked for at once, and opened when a picture needs it.
        lower = run.models.find(model.config["networks"])
        if lower.class_name != NETWORKS:
            raise ValueError(f"it names {lower.name} for its networks, which is no {NETWORKS}")
        return WholeCodec(model.config, model.tensors(), lambda: _networks(lower, run, effort))
    return _networks(model, run, effort)


def _networks(model: Model, run: Run, effort: int) -> Codec:
    with model.taken_as("the weights of `ntc`"):
        config, tensors = model.config, model.tensors()
        if graphs := graphs_of(model, run, *Transforms._fields):
            found = Transforms(*graphs)
        else:
            from gcodec_ntc.networks import transforms

            found = transforms(config, tensors)
        if effort:
            return PatientCodec(config, tensors, found, ITERATIONS[effort], run.progress)
        return Codec(config, tensors, found)


def _only(layers: Sequence[bytes]) -> bytes:
    if len(layers) != 1:
        raise PayloadError(NAME, f"{len(layers)} layers instead of one")
    return layers[0]
