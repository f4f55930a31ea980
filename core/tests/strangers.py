"""A stranger's plugin: a kind of signals of its own from end to end, and methods that break their promises, one each."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import click
import numpy as np
from sample_codecs import Tiny

from gcodec.errors import PayloadError, UsageError
from gcodec.interfaces import Embedding, Reconstructor, Setup, Size
from gcodec.signals import Latent, Preview, Signal, Sketch, Text, Tokens, pack_mse

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

# --- a kind of signals


@dataclass(frozen=True, eq=False)
class Depth:
    """How far things are, in the named unit."""

    kind: ClassVar[str] = "acme/depth"
    far: FloatArray
    space: str
    nearest: int


class Tunnel(Embedding):
    """A picture becomes the mean distance of each column."""

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        return ((255 * np.asarray(analysis).mean((0, 1))).astype(np.uint8).tobytes(),)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        columns = np.frombuffer(layers[0], np.uint8).astype(np.float32) + 1
        if len(columns) != size.width:
            raise PayloadError("acme/tunnel", "a column is missing")
        return (Depth(columns, "feet", int(columns.min())),)


def to_metres(depth: Depth, size: Size, setup: Setup) -> Depth:
    """Adapter from feet to metres."""
    return Depth(depth.far * np.float32(0.25), "metres", 0)


class Fog(Reconstructor):
    """The farther, the lighter."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> FloatArray:
        depth = signals["acme/depth/metres"]
        assert isinstance(depth, Depth)
        return np.broadcast_to(depth.far / np.float32(64), (3, *size))


# --- broken promises


@dataclass(frozen=True, eq=False)
class Impostor:
    """Calls itself a preview."""

    kind: ClassVar[str] = "preview"
    pixels: FloatArray
    mse: float


@dataclass(frozen=True, eq=False)
class Unheard:
    """Of a kind that nobody declares."""

    kind: ClassVar[str] = "acme/unheard"


def _with(value: float) -> Callable[[FloatArray, Size], Any]:
    def made(pixels: FloatArray, size: Size) -> Any:
        pixels[2, -1, -1] = value
        return Preview(pixels, 0.0)

    return made


#: Name -> what `decode` returns of the right pixels.
SIGNALS: dict[str, Callable[[FloatArray, Size], Any]] = {
    "nan": _with(np.nan),
    "infinity": _with(np.inf),
    "above": _with(1.0001),
    "below": _with(-0.0001),
    "hwc": lambda p, s: Preview(p.transpose(1, 2, 0), 0.0),
    "plane": lambda p, s: Preview(p[0], 0.0),
    "double": lambda p, s: Preview(p.astype(np.float64), 0.0),
    "numbers": lambda p, s: Preview(p.tolist(), 0.0),
    "error-nan": lambda p, s: Preview(p, float("nan")),
    "error-below": lambda p, s: Preview(p, -1.0),
    "error-text": lambda p, s: Preview(p, "small"),  # type: ignore[arg-type]
    "error-bool": lambda p, s: Preview(p, True),
    "rounded-number": lambda p, s: Latent(p, "x", 0.5, 1),  # type: ignore[arg-type]
    "impostor": lambda p, s: Impostor(p, 0.0),
    "unheard": lambda p, s: Unheard(),
    "array": lambda p, s: p,
    "other": lambda p, s: Sketch(p[:1]),
    "surrogate": lambda p, s: Text("\ud800"),
    "latent-nan": lambda p, s: Latent(p * np.float32(np.nan), "x", 0.0),
    "latent-empty": lambda p, s: Latent(p[:, :0], "x", 0.0),
    "tokens-below": lambda p, s: Tokens(np.full((2, 2), -1, np.int32), "x"),
    "tokens-wide": lambda p, s: Tokens(np.zeros((2, 2), np.int64), "x"),
    "depth-short": lambda p, s: Depth(p[0, 0, 1:], "feet", 0),
    "depth-below": lambda p, s: Depth(p[0, 0], "feet", 0),
    "depth-float": lambda p, s: Depth(p[0, 0] + 1, "feet", 0.5),  # type: ignore[arg-type]
}


#: Name -> what `encode` returns of the right layers.
LAYERS: dict[str, Callable[[tuple[bytes, ...]], Any]] = {
    "list": list,
    "bytes": lambda layers: layers[0],
    "none": lambda layers: (),
    "arrays": lambda layers: tuple(map(bytearray, layers)),
    "nothing": lambda layers: None,
}

#: Name -> what `reconstruct` returns of the preview's pixels.
PICTURES: dict[str, Callable[[FloatArray], Any]] = {
    "nan": lambda p: p * np.float32(np.nan),
    "above": lambda p: p + 1,
    "below": lambda p: p - 1,
    "hwc": lambda p: p.transpose(1, 2, 0),
    "double": lambda p: p.astype(np.float64),
    "bytes": lambda p: (255 * p).astype(np.uint8),
    "signal": lambda p: Preview(p, 0.0),
}

#: Name -> method of an embedding, and what it does instead.
METHODS: dict[str, tuple[str, Callable[..., Any]]] = {
    "listed": ("decode", lambda self, *given: list(Tiny.decode(self, *given))),
    "minus": ("sizes", lambda self, *given: (20, -1)),
    "vague": ("sizes", lambda self, *given: (20.5,)),
    "dreamy": ("about", lambda self, *given: float("nan")),
    "wordy": ("symbols", lambda self, *given: "symbols"),
    "hasty": ("refine", lambda self, layers, counts, size: iter(())),
}


def fail(*_: Any) -> Any:
    """Fail as only a programming mistake does."""
    raise LookupError("no such\nthing")


def _memory(*_: Any) -> Any:
    raise MemoryError


def _exit(*_: Any) -> Any:
    raise SystemExit(41)


def _interrupt(*_: Any) -> Any:
    raise KeyboardInterrupt


def _argument(*_: Any) -> Any:
    pack_mse(-1.0)


def _payload(*_: Any) -> Any:
    raise PayloadError("raising", "on purpose")


#: Methods of an embedding that can fail, in the order in which a file meets them.
FAILING = (
    *("__init__", "analyse", "alternatives", "about", "sizes"),
    *("encode", "decode", "symbols", "refine"),
)
METHODS |= {f"fails-in-{method.strip('_')}": (method, fail) for method in FAILING}

#: Name -> what an embedding does on decoding that is nobody's defect.
ENDS = {"memory": _memory, "exit": _exit, "interrupt": _interrupt, "payload": _payload}
METHODS["misled"] = ("decode", _argument)
METHODS |= {f"ends-in-{name}": ("decode", end) for name, end in ENDS.items()}


def _decoding(name: str) -> Callable[..., Any]:
    def decode(self: Tiny, layers: Sequence[bytes], size: Size) -> Any:
        (preview,) = Tiny.decode(self, layers, size)
        assert isinstance(preview, Preview)
        return (SIGNALS[name](preview.pixels.copy(), size),)

    return decode


METHODS |= {f"signals-{name}": ("decode", _decoding(name)) for name in SIGNALS}
METHODS |= {
    f"layers-{name}": ("encode", lambda self, *given, f=made: f(Tiny.encode(self, *given)))
    for name, made in LAYERS.items()
}


def picture_of(name: str) -> Callable[..., Any]:
    return lambda self, signals, size: PICTURES[name](signals["preview"].pixels)


RECONSTRUCTORS = {f"pictures-{name}": ("reconstruct", picture_of(name)) for name in PICTURES}
RECONSTRUCTORS["short-of-one"] = ("reconstruct_all", lambda self, several, size: several[1:])
RECONSTRUCTORS["forgetful"] = ("reconstruct_all", lambda self, several, size: None)
RECONSTRUCTORS |= {f"fails-in-{m.strip('_')}": (m, fail) for m in ("__init__", "reconstruct")}


def __getattr__(name: str) -> Any:
    """Make the class of an entry of the tables."""
    for table, base in ((METHODS, Tiny), (RECONSTRUCTORS, Fog)):
        if name in table:
            return type(name, (base,), dict([table[name]]))
    raise AttributeError(name)


@click.command()
@click.option("--how", type=click.Choice(["raise", "refuse", "exit", "full"]), required=True)
def stumble(how: str) -> None:
    """Command that ends in one way or another."""
    if how == "refuse":
        raise UsageError("not like this")
    if how == "exit":
        click.get_current_context().exit(5)
    if how == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    fail()


def lying(preview: Preview, size: Size, setup: Setup) -> Signal:
    """Adapter that promises a sketch."""
    return Text("a sketch")


def blurting(preview: Preview, size: Size, setup: Setup) -> Signal:
    """Adapter to tokens that cannot be."""
    return Tokens(np.full((1, 1), -7, np.int32), "acme")
