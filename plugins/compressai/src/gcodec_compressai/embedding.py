"""The embedding `compressai`: a model of CompressAI behind gcodec's stage-1 interface.

Payload (spec/embeddings/compressai.md): which network and rate, if there are several; the preview's squared error; the
lengths of all strings but the first; the strings that `compress` returned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.errors import ModelDamaged, ModelMissing, PayloadError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.models import Model
from gcodec.signals import Preview, Signal, pack_mse, unpack_mse
from gcodec_compressai.checking import NotPortable, Second
from gcodec_compressai.convert import CLASS
from gcodec_compressai.network import Decoded, Network, first_line
from gcodec_compressai.plugin import NAME

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["CompressAI", "opened"]

#: Choices of network and rate that one byte tells apart.
_MOST = 256


@dataclass
class _Analysis:
    """A picture, and the strings and symbols of the choices that were tried."""

    pixels: FloatArray
    made: dict[int, tuple[list[bytes], np.ndarray]] = field(default_factory=dict)


class CompressAI(Embedding):
    """One layer, one preview. Quality chooses among the networks and rates of the model, evenly.

    Raises ModelMissing without a model, ModelDamaged for one that is not of CompressAI.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.model is None:
            raise ModelMissing(
                NAME,
                "say which with --model: a checkpoint file or a folder of them (with --arch), or a name of CompressAI's zoo"
                " such as compressai/mbt2018-vbr",
            )
        self._model = setup.model
        entries = _entries(setup.model)
        # (network, rate), by ascending quality.
        self._choices = [(i, r) for i, e in enumerate(entries) for r in range(e["rates"])]
        if not 0 < len(self._choices) <= _MOST:
            raise ModelDamaged(setup.model.name, f"it has {len(self._choices)} choices of rate")
        self._networks: dict[int, Network] = {}
        self._second = Second(setup.model, setup.run.device)
        # What was decoded last: the pipeline opens what it has just written.
        self._last: tuple[bytes, Size, Decoded] | None = None

    def analyse(self, pixels: FloatArray) -> Any:
        """Keep the picture: what is done is done for each network. The second process starts, which takes a while."""
        if self.setup.options["check"]:
            self._second.start()
        return _Analysis(pixels)

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the one layer at `quality` in [0, 1]. Raises NotPortable where it would be decoded to something else."""
        choice, size = self._choice(quality), Size(*analysis.pixels.shape[1:])
        network, rate = self._choices[choice]
        strings, sent = self._compressed(analysis, choice)
        check = self.setup.options["check"]
        if check:
            self._second.ask(network, rate, size, strings)
        own = self._network(network).decompress(strings, rate, size)
        if not np.array_equal(np.sort(sent), np.sort(own.symbols)):
            raise NotPortable(
                self._model.name, "its decompress reads other symbols than its compress wrote"
            )
        if check:
            self._second.compare(own)
        mse = float(np.mean((own.pixels - analysis.pixels) ** 2, dtype=np.float64))
        payload = self._head(choice) + bytes([pack_mse(mse)]) + _joined(strings)
        self._last = payload, size, own
        return (payload,)

    def sizes(self, analysis: Any, quality: float) -> tuple[int, ...]:
        """Return the length of the layer; what is left out is all decoding."""
        choice = self._choice(quality)
        strings, _ = self._compressed(analysis, choice)
        return (len(self._head(choice)) + 1 + len(_joined(strings)),)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return the preview with the squared error that the encoder measured."""
        code, made = self._read(layers, size)
        return (Preview(made.pixels.copy(), unpack_mse(code)),)

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """The symbols that the coder returned, int32 little-endian; the layer itself of a network with another coder."""
        _, made = self._read(layers, size)
        return made.symbols.astype("<i4").tobytes() or layers[0]

    def _choice(self, quality: float) -> int:
        return round(min(max(quality, 0.0), 1.0) * (len(self._choices) - 1))

    def _head(self, choice: int) -> bytes:
        return bytes([choice]) if len(self._choices) > 1 else b""

    def _compressed(self, analysis: _Analysis, choice: int) -> tuple[list[bytes], np.ndarray]:
        if choice not in analysis.made:
            network, rate = self._choices[choice]
            strings, symbols = self._network(network).compress(analysis.pixels, rate)
            analysis.made[choice] = strings, symbols.all("sent")
        return analysis.made[choice]

    def _network(self, number: int) -> Network:
        run = self.setup.run
        if number not in self._networks:
            key = (CLASS, self._model.folder, self._model.digest, number, run.device)
            network = run.opened.get(key)
            if network is None:
                network = run.opened[key] = opened(self._model, number, run.device)
            self._networks[number] = network
        return self._networks[number]

    def _read(self, layers: Sequence[bytes], size: Size) -> tuple[int, Decoded]:
        """The code of the squared error, and what the strings mean. Raises PayloadError."""
        if len(layers) != 1:
            raise PayloadError(NAME, f"{len(layers)} layers instead of one")
        payload, at = layers[0], len(self._head(0))
        if len(payload) < at + 1:
            raise PayloadError(NAME, f"{len(payload)} bytes are no head")
        choice = payload[0] if at else 0
        if choice >= len(self._choices):
            raise PayloadError(NAME, f"choice {choice} of {len(self._choices)}")
        if self._last is not None and self._last[:2] == (payload, size):
            return payload[at], self._last[2]
        number, rate = self._choices[choice]
        network = self._network(number)
        strings = _parted(payload[at + 1 :], network.count())
        made = network.decompress(strings, rate, size)
        self._last = payload, size, made
        return payload[at], made


def opened(model: Model, number: int, device: str) -> Network:
    """Open one network of a model folder. Raises ModelDamaged."""
    entry = _entries(model)[number]
    try:
        return Network(entry, model.torch_tensors(entry["file"]), device, model.name)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelDamaged(model.name, f"not a model of CompressAI: {first_line(error)}") from error


def _entries(model: Model) -> Sequence[Mapping[str, Any]]:
    if model.class_name != CLASS:
        what = f"it is a folder of class {model.class_name}"
        if model.class_name == "CompressAIModel":
            what = "it was converted for `ntc`: --embed ntc, or here the checkpoint or its name with compressai/ before it"
        raise ModelDamaged(model.name, f"no model of the embedding {NAME}: {what}")
    entries = model.config.get("networks")
    good = isinstance(entries, list) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("rates"), int)
        and 0 < entry["rates"] <= _MOST
        and isinstance(entry.get("file"), str)
        and entry["file"].endswith(".safetensors")
        for entry in entries
    )
    if not good:
        raise ModelDamaged(model.name, "its config.json lists no networks of CompressAI")
    assert isinstance(entries, list)
    return entries


def _joined(strings: Sequence[bytes]) -> bytes:
    return b"".join([*(_uleb(len(part)) for part in strings[1:]), *strings])


def _parted(data: bytes, count: int) -> list[bytes]:
    """Take apart what `_joined` put together. Raises PayloadError."""
    at, lengths = 0, []
    for _ in range(count - 1):
        length = shift = 0
        while True:
            if at == len(data) or shift > 28:
                raise PayloadError(NAME, "a length is cut or too long")
            byte = data[at]
            at, length, shift = at + 1, length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        if byte == 0 and shift > 7:
            raise PayloadError(NAME, "a length is not in its shortest form")
        lengths.append(length)
    first = len(data) - at - sum(lengths)
    if first < 0:
        raise PayloadError(NAME, f"its strings are {-first} bytes longer than the payload")
    parts = []
    for length in (first, *lengths):
        parts.append(data[at : at + length])
        at += length
    return parts


def _uleb(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])
