"""The receiver's half: a reconstructor, and the dial between the preview and its sample.

With X the picture, Y what the file says of it, X* = E[X | Y] the preview and X_0 the reconstructor's sample, at realism
alpha in [0, 1] the receiver gets

    X_alpha = alpha X_0 + (1 - alpha) X*

This is eq. (17) of the review ("Advances in diffusion-based generative compression", section III-B, after Freirich,
Michaeli and Meir, "A theory of the distortion-perception tradeoff in Wasserstein space", NeurIPS 2021) with
alpha = 1 - gamma / gamma*. There gamma is a bound on W_2(P_X, P_X_alpha), the 2-Wasserstein distance from the
distribution of pictures, and gamma* = W_2(P_X, P_X*) the preview's own distance, so alpha is the share of it that is
made up for: W_2 = (1 - alpha) gamma*. At that distance no estimator has less expected squared error, provided that X_0
is perfectly realistic and as near to X* as such a one can be (eq. 16):

    D(alpha) = D* + (alpha gamma*)^2,    D* = E|X - X*|^2

Where the encoder is the best for squared error at its rate, a sample X_0 of P_X|Y is that near, gamma*^2 = D*, and
D(alpha) = (1 + alpha^2) D*: twice the preview's error at alpha = 1 (eqs. 18, 19). Of any X_0 that does not depend on
X but through Y, and of X* the true mean, X - X* is orthogonal to X_0 - X*, and therefore
E|X - X_alpha|^2 = D* + alpha^2 E|X_0 - X*|^2.

The line is drawn here, once for all reconstructors, between two pictures with values in [0, 1], before any rounding to
8 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from gcodec.border import Unfit, check_picture, of_plugin
from gcodec.errors import UsageError
from gcodec.interfaces import Reconstructor, Setup, Size
from gcodec.options import check_options
from gcodec.pipeline.binding import Ways
from gcodec.pipeline.kept import set_up
from gcodec.pipeline.resolver import Path, adapt
from gcodec.plugin import REALISM, ReconstructorSpec
from gcodec.registry import registry
from gcodec.signals import Preview

if TYPE_CHECKING:
    from gcodec.models import Model, ModelStore
    from gcodec.run import Run
    from gcodec.signals import FloatArray, Signal

__all__ = ["Choice", "Fed", "Stage2", "checked", "interpolate", "open_stage2"]

#: A realism at which both the reconstructor's picture and the preview are wanted.
_MIXED = 0.5


@dataclass(frozen=True)
class Choice:
    """A reconstructor, its spec bound, and how it is to work.

    options  for its `Setup`: a checked value for each of the spec's options but `REALISM`.
    realism  alpha; None where the spec does not list `REALISM`.
    beside   whether the preview is wanted beside, whatever the reconstructor is fed.
    """

    spec: ReconstructorSpec
    options: Mapping[str, Any]
    realism: float | None
    beside: bool = False

    @property
    def share(self) -> float:
        """The weight of the reconstructor's own picture, 0..1: alpha, or 1 where there is no dial."""
        return 1.0 if self.realism is None else self.realism

    @property
    def wanted(self) -> float:
        """The realism whose signals are wanted (`gcodec.pipeline.resolver.resolve`)."""
        return _MIXED if self.beside and self.share == 1 else self.share

    def weights(self, store: ModelStore, model: str | None = None) -> Model | None:
        """Those of the spec, or `model`; None where there are none, or realism 0 has no use for them. Raises as `find`."""
        name = self.spec.model if model is None else model
        return store.find(name) if name is not None and self.share else None


@dataclass(frozen=True)
class Fed:
    """What stage 2 works on.

    signals  for the reconstructor, by type.
    path     how they came.
    preview  X* where it is known.
    """

    signals: Mapping[str, Signal]
    path: Path
    preview: Preview | None
    size: Size


@dataclass(frozen=True)
class Stage2:
    """A reconstructor that is set up, and what may lead to it; None where realism 0 asks for nothing but the preview."""

    choice: Choice
    reconstructor: Reconstructor | None
    run: Run
    ways: Ways

    def feed(self, signals: Iterable[Signal], size: Size) -> Fed:
        """Lead signals to the reconstructor. Raises NoPath and PluginError."""
        made, path = adapt(signals, self.choice.spec, size, self.run, self.ways, self.choice.wanted)
        preview = cast(Preview | None, made.get(Preview.kind))
        return Fed({name: made[name] for name in path.feeds}, path, preview, size)

    def reconstruct(self, several: Sequence[Fed]) -> list[FloatArray]:
        """Return X_alpha of each, float32 [3, H, W] in [0, 1]; all are of one size and of the same types of signals.

        At alpha = 1 it is the reconstructor's own array, at alpha = 0 the preview's. Raises PluginError.
        """
        alpha = self.choice.share
        known = [fed.preview.pixels if fed.preview else None for fed in several]
        if self.reconstructor is None:
            return cast("list[FloatArray]", known)
        size = several[0].size
        with of_plugin(self.choice.spec):
            if len(several) == 1:
                samples = [self.reconstructor.reconstruct(several[0].signals, size)]
            else:
                given = [fed.signals for fed in several]
                samples = list(self.reconstructor.reconstruct_all(given, size))
            if len(samples) != len(several):
                raise Unfit(f"{len(samples)} pictures were returned of {len(several)}")
            for sample, preview in zip(samples, known, strict=True):
                if sample is not preview:  # what was checked as a preview is sound
                    check_picture(sample, size)
        if alpha == 1:
            return samples
        return [
            interpolate(cast("FloatArray", preview), sample, alpha)
            for preview, sample in zip(known, samples, strict=True)
        ]


def checked(spec: ReconstructorSpec, given: Mapping[str, Any], *, beside: bool = False) -> Choice:
    """Return the choice of `spec` with the options `given`, and the preview `beside` or not.

    Raises UnknownOption, InvalidOption, and UsageError for a realism where there is nothing to turn.
    """
    if REALISM not in spec.options:
        if REALISM.name in given:
            raise UsageError(_no_dial(spec.name))
        return Choice(spec, check_options(spec.name, spec.options, given), None, beside)
    values = check_options(spec.name, spec.options, given)
    return Choice(spec, values, values.pop(REALISM.name), beside)


def open_stage2(choice: Choice, ways: Ways, *, model: str | None = None, run: Run) -> Stage2:
    """Load and set up the implementation, unless realism 0 has no use for it.

    model  name, folder or digest of other weights than the spec's.

    Raises UsageError for a model where the spec has none, UnusablePlugin, PluginError, ModelMissing, ModelDamaged.
    """
    spec = choice.spec
    if model is not None and spec.model is None:
        raise UsageError(
            f"'{spec.name}' has no weights, so there is no model to choose for it; --recon names another reconstructor"
        )
    if choice.share == 0:
        return Stage2(choice, None, run, ways)
    setup = Setup(run, choice.options, choice.weights(run.models, model))
    return Stage2(choice, cast(Reconstructor, set_up(spec, setup)), run, ways)


def interpolate(preview: FloatArray, sample: FloatArray, alpha: float) -> FloatArray:
    """Return X_alpha = X* + alpha (X_0 - X*), eq. (17), for alpha in [0, 1].

    preview, sample: float32 of one shape, in [0, 1], left as they are. So is the result in [0, 1]: in this form no
    rounding leads beyond the ends.
    """
    result: FloatArray = sample - preview
    result *= result.dtype.type(alpha)
    result += preview
    return result


def _no_dial(name: str) -> str:
    """Say why a reconstructor has no realism, and which have."""
    others = [r.name for r in registry().usable(ReconstructorSpec).values() if REALISM in r.options]
    advice = f"; decode with one that does: --recon {' or '.join(others)}" if others else ""
    return f"'{name}' draws no sample, so there is no realism to set{advice}"
