"""One value that carries what every part of a run needs and none of them decides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from gcodec.errors import UsageError
from gcodec.progress import Progress, silent

if TYPE_CHECKING:
    from gcodec.models import ModelStore
    from gcodec.randomness import Randomness
    from gcodec_formats import Limits

__all__ = ["Run", "is_whole", "thread_variables"]

#: Those of torch's kinds of device that networks run on; whether one is there is seen when there is something to do.
_DEVICES = ("cpu", "cuda", "mps", "xpu", "npu", "hpu", "mlu", "xla")
_DTYPES = ("float32", "bfloat16", "float16")
#: What `dtype` may be given as besides -> `native`.
_NATIVE = {"auto": "faster", "mixed": "bfloat16"}
_MEMORY = ("plenty", "low", "least")


def thread_variables(threads: int) -> dict[str, str]:
    """What the environment says for so many threads. It is read when NumPy, torch or an OpenMP library is first loaded."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, str(threads))


def is_whole(value: object) -> bool:
    """Whether this is a whole number: Python's or NumPy's."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _default_models() -> ModelStore:
    from gcodec.models import ModelStore

    return ModelStore.installed()


def _default_limits() -> Limits:
    from gcodec_formats import DEFAULT_LIMITS

    return DEFAULT_LIMITS


@dataclass(frozen=True)
class Run:
    """How to run, as opposed to what to do.

    device    torch's name of the device for networks: "cpu", "cuda", "cuda:1", "mps".
    dtype     "float32", "bfloat16" or "float16": precision of networks. It never decides what bits mean. Besides it may be
              given as "auto" or "mixed", which is float32 and `native`.
    memory    "plenty", "low" (attention in slices, latents decoded in tiles, where a network can do so) or "least"
              (besides, its layers wait on the CPU and visit the device one by one).
    seed      the file's 64-bit seed, key of all common randomness.
    models    where weights are found.
    progress  called as long work goes on.
    limits    what hostile input may cost.
    native    precision on a CPU of networks that make nothing but the receiver's picture, and make it as well in bfloat16
              (`gcodec.plugin.NetworkSpec.half`): "bfloat16" ("mixed"), "faster" for whatever this processor is faster in
              (`gcodec.models.precision`; "auto"), "" for `dtype`.
    opened    networks that somebody holds at the moment: `gcodec.models.networks` opens none of them a second time. It keeps
              none of them alive, unless it is that of a `gcodec.Session`; runs that are made of one another share it.

    Raises UsageError for what none of them can be.
    """

    device: str = "cpu"
    dtype: str = "float32"
    seed: int = 0
    models: ModelStore = field(default_factory=_default_models)
    progress: Progress = silent
    limits: Limits = field(default_factory=_default_limits)
    memory: str = "plenty"
    native: str = ""
    opened: WeakValueDictionary[tuple[object, ...], Any] = field(
        default_factory=WeakValueDictionary, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        name, _, number = str(self.device).partition(":")
        if name not in _DEVICES or (number and not number.isdecimal()):
            devices = ", ".join(_DEVICES)
            raise UsageError(
                f"there is no device {self.device!r}; there are {devices}, cuda:1 and so on"
            )
        if native := _NATIVE.get(self.dtype):
            object.__setattr__(self, "dtype", _DTYPES[0])
            object.__setattr__(self, "native", native)
        for what, value, known in (
            ("dtype", self.dtype, _DTYPES),
            ("memory", self.memory, _MEMORY),
        ):
            if value not in known:
                also = " or auto" if known is _DTYPES else ""
                raise UsageError(f"{what} is one of {', '.join(known)}{also}, not {value!r}")
        if not is_whole(self.seed) or not 0 <= self.seed < 1 << 64:
            raise UsageError(f"a seed is a whole number from 0 to 2^64-1, not {self.seed!r}")
        object.__setattr__(self, "seed", int(self.seed))  # NumPy's integers too

    @property
    def randomness(self) -> Randomness:
        """The common randomness that `seed` keys (spec/RANDOMNESS.md)."""
        from gcodec.randomness import Randomness

        return Randomness(self.seed)

    def with_seed(self, seed: int) -> Run:
        """The same run under another seed."""
        return replace(self, seed=seed)

    @property
    def exact(self) -> Run:
        """The same run without `native`, for whatever decides bits or what they mean."""
        return replace(self, native="") if self.native else self
