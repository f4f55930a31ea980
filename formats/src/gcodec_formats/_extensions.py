"""The extension map: canonical msgpack with integer keys, and the types and ranges of the known keys.

Canonical: the shortest form of every integer, string, array and map header; a float in 32 bits when
that is exact, else in 64; map keys (integers or strings) in ascending order of their encoded bytes,
none twice; no ext types, no NaN or infinity, nothing after the map. The reader encodes what it decoded
and compares, so this file states the rule once.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

from . import registry
from ._values import Identity, Limits
from .errors import (
    BadExtensions,
    BadExtensionValue,
    LimitExceeded,
    NotCanonical,
    UnknownRequiredExtension,
)


def encode(extensions: Mapping[int, object], identity: Identity, limits: Limits) -> bytes:
    """The canonical bytes of a non-empty extension map, checked as a reader checks it.

    identity: of the file's embedding.
    Raises BadExtensions, BadExtensionValue, UnknownRequiredExtension, NotCanonical, LimitExceeded.
    """
    _check(extensions, identity, None)
    data = _Encoder(limits, None).encode(extensions, 1)
    if len(data) > limits.header_bytes:
        raise LimitExceeded("header_bytes", len(data), limits.header_bytes)
    return data


def decode(data: bytes, identity: Identity, limits: Limits, offset: int) -> dict[int, object]:
    """The map in `data`, which begins at byte `offset` of the file. Raises what `encode` raises."""
    import msgpack

    def refuse_ext(code: int, _: bytes) -> Any:
        raise ValueError(f"ext type {code} is not allowed")

    try:
        value = msgpack.unpackb(data, strict_map_key=False, ext_hook=refuse_ext)
    except msgpack.StackError:
        raise LimitExceeded("depth", limits.depth + 1, limits.depth, offset=offset) from None
    except msgpack.ExtraData:
        raise BadExtensions("bytes follow the extension map", offset=offset) from None
    except (ValueError, TypeError, OverflowError) as error:
        raise BadExtensions(f"the extensions are not msgpack: {error}", offset=offset) from None
    if type(value) is not dict:
        raise BadExtensions("the extensions are not a map", offset=offset)
    if not value:
        raise NotCanonical("an empty extension map must be left out", offset=offset)
    if _Encoder(limits, offset).encode(value, 1) != data:
        raise NotCanonical("the extension map is not canonical msgpack", offset=offset)
    _check(value, identity, offset)
    return value


def _check(extensions: Mapping[int, object], identity: Identity, offset: int | None) -> None:
    for key, value in extensions.items():
        if type(key) is not int or key < 0:
            raise BadExtensions(f"extension key {key!r} is not a whole number", offset=offset)
        row = registry.extension(key)
        if row is not None:
            wanted, holds = _VALUES[key]
            if not holds(value):
                raise BadExtensionValue(key, row.name, wanted, offset=offset)
            if key == registry.PACKAGE and identity.name is None:
                wanted = "left out of the file of an embedding with a number"
                raise BadExtensionValue(key, row.name, wanted, offset=offset)
            if key in _DEFAULTS and value == _DEFAULTS[key]:
                raise NotCanonical(f"extension {key} ({row.name}) is at its default", offset=offset)
        elif key % 2 == 0:
            raise UnknownRequiredExtension(key, offset=offset)


class _Encoder:
    """Canonical msgpack under limits; `offset` is only for error messages."""

    def __init__(self, limits: Limits, offset: int | None) -> None:
        import msgpack

        self.packer = msgpack.Packer()
        self.single = msgpack.Packer(use_single_float=True)
        self.limits = limits
        self.offset = offset
        self.items = 0

    def encode(self, value: object, depth: int) -> bytes:
        self.items += 1
        if self.items > self.limits.items:
            raise LimitExceeded("items", self.items, self.limits.items, offset=self.offset)
        kind = type(value)
        if value is None or kind in (bool, int, str, bytes):
            return self._scalar(value)
        if kind is float:
            return self._float(value)  # type: ignore[arg-type]
        if not isinstance(value, (list, tuple, Mapping)):
            raise BadExtensions(f"a {kind.__name__} cannot be in an extension", offset=self.offset)
        if depth > self.limits.depth:
            raise LimitExceeded("depth", depth, self.limits.depth, offset=self.offset)
        if isinstance(value, Mapping):
            return self._map(value, depth)
        parts = [self.packer.pack_array_header(len(value))]
        parts += [self.encode(item, depth + 1) for item in value]
        return b"".join(parts)

    def _scalar(self, value: object) -> bytes:
        try:
            return bytes(self.packer.pack(value))
        except (OverflowError, ValueError) as error:  # beyond 64 bits; a lone surrogate
            raise BadExtensions(f"cannot be in an extension: {error}", offset=self.offset) from None

    def _float(self, value: float) -> bytes:
        if not math.isfinite(value):
            raise BadExtensions(f"{value} cannot be in an extension", offset=self.offset)
        try:
            exact = struct.unpack(">f", struct.pack(">f", value))[0] == value
        except OverflowError:
            exact = False
        return bytes((self.single if exact else self.packer).pack(value))

    def _map(self, value: Mapping[Any, object], depth: int) -> bytes:
        pairs = []
        for key, item in value.items():
            if type(key) is not int and type(key) is not str:
                raise BadExtensions(f"map key {key!r} is no integer or string", offset=self.offset)
            pairs.append((self.encode(key, depth + 1), self.encode(item, depth + 1)))
        pairs.sort(key=lambda pair: pair[0])
        header = bytes(self.packer.pack_map_header(len(pairs)))
        return header + b"".join(key + item for key, item in pairs)


def _is_seed(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 64


def _is_suggestion(value: object) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return False
    name, settings = value
    if not isinstance(name, str) or not 1 <= len(name.encode(errors="replace")) <= 64:
        return False
    return isinstance(settings, Mapping) and all(isinstance(key, str) for key in settings)


def _is_digest(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == 8


def _is_depth(value: object) -> bool:
    return type(value) is int and 1 <= value <= 32


def _is_channels(value: object) -> bool:
    return type(value) is int and value in (1, 3)


def _is_package(value: object) -> bool:
    """Whether the package index takes it as a name (core metadata, field Name)."""
    if not isinstance(value, str) or not 1 <= len(value) <= 64:
        return False
    return re.fullmatch("[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]", value) is not None


_VALUES: dict[int, tuple[str, Callable[[object], bool]]] = {
    registry.SEED: ("an integer from 1 to 2^64-1", _is_seed),
    registry.RECONSTRUCTOR: ("[name of 1 to 64 bytes, map with string keys]", _is_suggestion),
    registry.PARAMETERS: ("a map", lambda value: isinstance(value, Mapping)),
    registry.CHANNELS: ("1", _is_channels),
    registry.SYMBOLS_DIGEST: ("8 bytes", _is_digest),
    registry.DEPTH: ("an integer from 1 to 32 other than 8", _is_depth),
    registry.PACKAGE: ("a distribution's name of 1 to 64 bytes", _is_package),
}
_DEFAULTS: dict[int, object] = {
    registry.SEED: 0,
    registry.PARAMETERS: {},
    registry.CHANNELS: 3,
    registry.DEPTH: 8,
}
