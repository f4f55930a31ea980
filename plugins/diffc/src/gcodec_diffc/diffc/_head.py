"""The first bytes of a `diffc` stream: which channel its steps go through. spec/CHANNELS.md, section 7, has examples.

    byte 0   bits 0-3   number of the channel in spec/REGISTRY.md; 15: it has none, its name follows
             bits 4-7   of `trellis` and `antipodal` their memory less 4, of `folded` its memory less 8; of `chunked`
                        nothing, written as 10; of all others 1 where a text follows, 0 where none does
    text     a byte, its length 1 to 255, and that much UTF-8: what the user would type

The text is "vendor/name", or "vendor/name:depth=3:fast=True" where options differ from their defaults; of a channel with a
number "depth=3:fast=True" alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gcodec.channels import Channel, open_channel
from gcodec.errors import PayloadError, UsageError
from gcodec.options import check_options, read_settings, write_settings
from gcodec.plugin import ChannelSpec
from gcodec.registry import registry
from gcodec_formats import FormatError, check_name
from gcodec_formats import registry as numbers

__all__ = ["NAME", "Head"]

NAME = "diffc"
_CHUNKED, _NAMED = 1, 15
_LEAST_MEMORY = {0: 4, 2: 4, 4: 8}  # of `trellis`, `antipodal`, `folded`
_UNUSED = 10
_LONGEST = 255


class Head(NamedTuple):
    """What the receiver must know before the first step; `options` has a value for each of the spec's."""

    spec: ChannelSpec
    options: Mapping[str, Any]

    @classmethod
    def of(cls, text: str) -> Head:
        """What the user means by "NAME:option=value". Raises UnknownPlugin, UnusablePlugin and UsageError."""
        name, *words = text.split(":")
        head = cls._with(registry().named(ChannelSpec, name), words)
        head.pack()
        return head

    def channel(self, bits: int) -> Channel:
        """The channel of a step of so many bits. Raises ChannelError and UnusablePlugin."""
        return open_channel(self.spec, bits, self.options)

    def pack(self) -> bytes:
        """Raises UsageError for more options than a head can hold."""
        number = self.spec.id
        if number in _LEAST_MEMORY:
            return bytes([number | self.options["memory"] - _LEAST_MEMORY[number] << 4])
        if number == _CHUNKED:
            return bytes([_CHUNKED | _UNUSED << 4])
        words = write_settings(self.spec.options, self.options)
        if number is None:
            number, words = _NAMED, [self.spec.name, *words]
        text = ":".join(words).encode()
        if len(text) > _LONGEST:
            raise UsageError(
                f"channel '{self.spec.name}': its options take {len(text)} bytes, {_LONGEST} at most"
            )
        return bytes([number | bool(text) << 4]) + bytes([len(text)] * bool(text)) + text

    @classmethod
    def unpack(cls, data: bytes) -> tuple[Head, int]:
        """Return the head of a stream, and its length.

        Raises PayloadError, and UnknownPlugin or UnusablePlugin for a channel that is not to be had here.
        """
        if not data:
            raise PayloadError(NAME, "the stream is empty")
        number, upper = data[0] & 15, data[0] >> 4
        spec = _numbered(number) if number != _NAMED else None
        if spec and number in (*_LEAST_MEMORY, _CHUNKED):
            least = _LEAST_MEMORY.get(number)
            words = [] if least is None else [f"memory={upper + least}"]
            return cls._with(spec, words), 1
        text, length = _text(data) if upper else ("", 1)
        words = text.split(":") if text else []
        spec = spec or _named(words.pop(0) if words else "")
        try:
            head = cls._with(spec, words)
            if head.pack() != data[:length]:
                raise UsageError(f"the head '{text}' is not as a sender writes it")
        except UsageError as error:
            raise PayloadError(NAME, str(error)) from error
        return head, length

    @classmethod
    def _with(cls, spec: ChannelSpec, words: list[str]) -> Head:
        given = read_settings(spec.name, spec.options, words)
        return cls(spec, check_options(spec.name, spec.options, given))


def _text(data: bytes) -> tuple[str, int]:
    """What follows the first byte, and where it ends."""
    length = data[1] if len(data) > 1 else 0
    raw = data[2 : 2 + length]
    if not length or len(raw) < length:
        raise PayloadError(NAME, "the stream ends within the name of its channel")
    try:
        return raw.decode(), 2 + length
    except UnicodeDecodeError as error:
        raise PayloadError(NAME, f"the name of its channel is not UTF-8: {error}") from error


def _named(name: str) -> ChannelSpec:
    try:
        return registry().named(ChannelSpec, check_name(name, "channel"))
    except FormatError as error:
        raise PayloadError(NAME, error.what) from error


def _numbered(number: int) -> ChannelSpec:
    if numbers.channel(number) is None:
        raise PayloadError(NAME, f"channel number {number} is registered to nobody")
    return registry().channel_by_id(number)
