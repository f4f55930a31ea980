"""One network of CompressAI, opened strictly, that codes pictures of any size."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.errors import GcodecError, ModelDamaged, PayloadError
from gcodec.interfaces import Size
from gcodec.models.building import unseen
from gcodec_compressai import structure
from gcodec_compressai.library import class_of
from gcodec_compressai.plugin import NAME
from gcodec_compressai.recording import Symbols, recorded

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["Decoded", "Network", "first_line", "load", "rates_of"]

#: Symbols for each pixel of a padded picture, at most in one stream: the zoo's largest has 1.25.
_SYMBOLS = 4

#: Pixels a side that pictures are padded to multiples of, at most.
_WIDEST = 1024


@dataclass(frozen=True)
class Decoded:
    """pixels float32 [3, H, W] in [0, 1], and the symbols that they were read from, int32, in the order of reading."""

    pixels: FloatArray
    symbols: np.ndarray


class Network:
    """What `networks` of a model folder's config.json describes (spec/embeddings/compressai.md), with its tensors.

    Raises ModelDamaged unless they belong together.
    """

    def __init__(
        self, entry: Mapping[str, Any], tensors: Mapping[str, Tensor], device: str, source: str
    ) -> None:
        self.source, self.device = source, torch.device(device)
        self.net = load(entry["architecture"], entry["arguments"], tensors, source).to(self.device)
        self.multiple, self.rates = int(entry["multiple"]), int(entry["rates"])
        if not 0 < self.multiple <= _WIDEST:
            raise ValueError(f"pictures are padded to multiples of {self.multiple}")
        self.strings, self.shape = entry["strings"], entry["shape"]
        check_tables(self.net, source)

    def compress(self, pixels: FloatArray, rate: int) -> tuple[list[bytes], Symbols]:
        """The strings of float32 [3, H, W] in [0, 1], and the symbols that went in. Raises ModelDamaged where it fails."""
        size = Size(*pixels.shape[1:])
        x = torch.from_numpy(np.array(pixels, np.float32))[None].to(self.device)
        right, bottom = -size.width % self.multiple, -size.height % self.multiple
        x = F.pad(x, (0, right, 0, bottom), mode="replicate")
        try:
            with torch.inference_mode(), _quiet(), recorded(self._most(size)) as symbols:
                made = self.net.compress(x, **self._rate(rate))
            found = structure.skeleton(made["strings"]), _plain(made["shape"])
            due = self.strings, _plain(structure.shaped(self.shape, *self._units(size)))
            if found != due:
                raise ValueError(f"it made {found} where {due} was due")
            return list(structure.leaves(made["strings"])), symbols
        except GcodecError:
            raise
        except Exception as error:  # what a network of the user's own may raise
            reason = f"its compress fails on a picture of {size.width}x{size.height}"
            raise ModelDamaged(self.source, f"{reason}: {first_line(error)}") from error

    def decompress(self, strings: Sequence[bytes], rate: int, size: Size) -> Decoded:
        """The picture that strings mean. Raises PayloadError where they mean none."""
        tree = structure.filled(self.strings, iter(strings))
        shape = structure.shaped(self.shape, *self._units(size))
        try:
            with torch.inference_mode(), _quiet(), recorded(self._most(size)) as symbols:
                made = self.net.decompress(tree, shape, **self._rate(rate))
            x = made["x_hat"][0, :, : size.height, : size.width].float().cpu().numpy()
        except GcodecError:
            raise
        except (
            Exception
        ) as error:  # strings of any bytes lead a network of the user's own to errors of any kind
            raise PayloadError(NAME, f"decompress fails: {first_line(error)}") from error
        if x.shape != (3, *size) or not np.isfinite(x).all():
            raise PayloadError(NAME, "it decodes to something that is no picture")
        return Decoded(np.ascontiguousarray(x.clip(0, 1), np.float32), symbols.all("read"))

    def count(self) -> int:
        """How many strings it makes."""
        return sum(1 for _ in structure.leaves(_marked(self.strings)))

    def _units(self, size: Size) -> tuple[int, int]:
        return -(-size.height // self.multiple), -(-size.width // self.multiple)

    def _most(self, size: Size) -> int:
        rows, columns = self._units(size)
        return _SYMBOLS * rows * columns * self.multiple**2

    def _rate(self, rate: int) -> dict[str, int]:
        return {"s": rate} if self.rates > 1 else {}


def load(
    architecture: str,
    arguments: Mapping[str, Any] | None,
    tensors: Mapping[str, Tensor],
    source: str,
) -> Any:
    """The network of a class with these weights, all of them and no others. Raises ModelDamaged.

    arguments  go to `from_state_dict` where that takes them all, otherwise to the class itself; None: `from_state_dict`
               alone, or a class that takes none.
    """
    bad = [k for k, v in tensors.items() if v.is_floating_point() and not torch.isfinite(v).all()]
    if bad:
        raise ModelDamaged(source, f"{bad[0]} holds a value that is not a finite number")
    cls, given, state = class_of(architecture, source), dict(arguments or {}), dict(tensors)
    try:
        with unseen(), _quiet():
            reader = getattr(cls, "from_state_dict", None)
            if reader and {*given} <= {*inspect.signature(reader).parameters}:
                net = reader(dict(state), **given)
            else:
                net = cls(**given)
            net.load_state_dict(dict(state), strict=True)
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        advice = (
            ""
            if given
            else "; sizes that it does not tell are given with --arguments '{\"N\": 128}'"
        )
        text = f"no weights of {architecture}: {type(error).__name__}: {words[:300]}{advice}"
        raise ModelDamaged(source, text) from error
    return net.eval()


def rates_of(net: Any) -> int:
    """How many rates a network of variable rate was trained for; 1 of any other."""
    gain = getattr(net, "Gain", None)
    return (
        len(gain) if gain is not None and "s" in inspect.signature(net.compress).parameters else 1
    )


def check_tables(net: nn.Module, source: str) -> None:
    """The coder follows its tables blindly, out of its memory if need be. Raises ModelDamaged unless all are sound."""
    models = import_module("compressai.entropy_models")
    for name, module in net.named_modules():
        if isinstance(module, models.EntropyModel) and not _sound(module):
            raise ModelDamaged(source, f"the tables of its entropy model {name} are not sound")


def _sound(module: Any) -> bool:
    cdf, length, offset = module._quantized_cdf, module._cdf_length, module._offset
    scales = getattr(module, "scale_table", None)
    rows = module.channels if scales is None else len(scales)
    if cdf.ndim != 2 or len(cdf) != rows or {len(length), len(offset)} != {rows}:
        return False
    if not bool(((length >= 3) & (length <= cdf.shape[1])).all()):
        return False
    last = cdf.gather(1, length[:, None].long() - 1)
    inside = torch.arange(cdf.shape[1] - 1, device=cdf.device) < length[:, None] - 1
    rising = (cdf[:, 1:] > cdf[:, :-1]) | ~inside
    whole = (cdf[:, 0] == 0).all() & (last == 1 << module.entropy_coder_precision).all()
    return bool(whole & rising.all() & (offset.abs() < 1 << 20).all())


def first_line(error: Exception) -> str:
    """What an error says in one line."""
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}".removesuffix(": ")


def _plain(shape: Any) -> Any:
    if isinstance(shape, Mapping):
        return {str(key): _plain(part) for key, part in shape.items()}
    return [_plain(part) for part in shape] if isinstance(shape, (list, tuple)) else int(shape)


def _marked(tree: Any) -> Any:
    return [_marked(part) for part in tree] if isinstance(tree, list) else b""


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what CompressAI says about devices and old names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
