"""The head of a `diffc` stream: which channel, by number or by name, with which options; and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcodec.errors import (
    GcodecError,
    InvalidOption,
    PayloadError,
    UnknownOption,
    UnknownPlugin,
    UsageError,
)
from gcodec.plugin import ChannelSpec, Option
from gcodec.registry import Plugin, Registry, registry
from gcodec_diffc.diffc import _head
from gcodec_diffc.diffc._head import Head

DEPTH = Option("depth", int, 3, "how deep", minimum=1, maximum=9)
MINE = ChannelSpec(
    "acme/mine",
    "for tests",
    "nowhere:Mine",
    options=(
        DEPTH,
        Option("fast", bool, False, "how fast"),
        Option("scale", float, 1.0, "how large", minimum=0),
        Option("label", str, "", "free text"),
    ),
)
#: As if a number had been registered.
THIRD = ChannelSpec("third", "for tests", "nowhere:Third", 3, (DEPTH,))


@pytest.fixture(autouse=True)
def _two_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install `acme/mine` and `third` beside what there is."""
    more = Plugin("acme", "acme-channels", "1.0", (MINE, THIRD))
    found = Registry((*registry().plugins, more))
    monkeypatch.setattr(_head, "registry", lambda: found)
    known = _head.numbers.channel
    monkeypatch.setattr(_head.numbers, "channel", lambda n: known(0 if n == 3 else n))


@pytest.mark.parametrize(
    ("typed", "head"),
    [
        ("trellis", b"\xa0"),
        ("trellis:memory=4", b"\x00"),
        ("trellis:memory=19", b"\xf0"),
        ("chunked", b"\xa1"),
        ("antipodal", b"\xc2"),
        ("antipodal:memory=14", b"\xa2"),
        ("folded", b"\xb4"),
        ("folded:memory=8", b"\x04"),
        ("folded:memory=23", b"\xf4"),
        ("third", b"\x03"),
        ("third:depth=3", b"\x03"),
        ("third:depth=4", b"\x13\x07depth=4"),
        ("acme/mine", b"\x1f\x09acme/mine"),
        ("acme/mine:fast=true:depth=9", b"\x1f\x1bacme/mine:depth=9:fast=True"),
        ("acme/mine:scale=0.1", b"\x1f\x13acme/mine:scale=0.1"),
    ],
)
def test_what_the_user_types_is_what_travels_and_comes_back(typed: str, head: bytes) -> None:
    """Files depend on these bytes. Defaults cost none."""
    sent = Head.of(typed)
    assert sent.pack() == head
    assert Head.unpack(head + b"steps") == (sent, len(head))


@pytest.mark.parametrize(
    ("typed", "error", "says"),
    [
        ("acme/mien", UnknownPlugin, "no installed channel is called 'acme/mien'; did you mean acme/mine"),
        ("trellis:register=12", UnknownOption, "'trellis' has no option 'register' (it has: memory)"),
        ("trellis:memory=20", InvalidOption, "from 4 to 19"),
        ("trellis:memory=x", InvalidOption, "a whole number from 4 to 19"),
        ("chunked:memory=12", UnknownOption, "it has: none"),
        ("acme/mine:fast=perhaps", InvalidOption, "true or false"),
        ("acme/mine:label=" + "a" * 250, UsageError, "options take 266 bytes, 255 at most"),
        ("acme/mine:scale=nan", InvalidOption, "0 or more"),
        ("", UnknownPlugin, "no installed channel is called ''"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_one_line(
    typed: str, error: type[UsageError], says: str
) -> None:
    with pytest.raises(error) as caught:
        Head.of(typed)
    assert says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"", "empty"),
        (b"\xa5", "channel number 5 is registered to nobody"),
        (b"\x05", "channel number 5 is registered to nobody"),
        (b"\x23\x07depth=4", "not as a sender writes it"),
        (b"\x13\x07depth=3", "not as a sender writes it"),
        (b"\x13\x0fdepth=4:depth=4", "not as a sender writes it"),
        (b"\x13\x08depth=\xd9\xa4", "not as a sender writes it"),
        (b"\x0f\x09acme/mine", "no channel name"),
        (b"\xff\x09acme/mine", "not as a sender writes it"),
        (b"\x1f", "ends within the name"),
        (b"\x1f\x00", "ends within the name"),
        (b"\x1f\x0aacme/mine", "ends within the name"),
        (b"\x1f\x09acme/min\xff", "not UTF-8"),
        (b"\x1f\x09acme\0mine", "no channel name"),
        (b"\x1f\x07trellis", "no channel name"),
        (b"\x1f\x46acme/" + b"a" * 65, "no channel name"),
        (b"\x1f\x11acme/mine:depth=0", "from 1 to 9"),
        (b"\x1f\x11acme/mine:depth=x", "whole number"),
        (b"\x1f\x0facme/mine:deep=", "has no option 'deep'"),
        (b"\x13\x07depth=a", "whole number"),
    ],
)
def test_bytes_that_are_no_head(head: bytes, says: str) -> None:
    with pytest.raises(PayloadError, match=says):
        Head.unpack(head)


def test_a_channel_that_is_not_installed_is_named() -> None:
    with pytest.raises(UnknownPlugin, match="no installed channel is called 'zeta/other'"):
        Head.unpack(b"\x1f\x0azeta/other")


def test_every_first_byte_is_a_head_or_refused() -> None:
    """Of channels that say their memory, and of `chunked`, any upper half; of the others 0 alone."""
    known = []
    for byte in range(256):
        try:
            head, length = Head.unpack(bytes([byte]))
        except GcodecError:
            continue
        assert length == 1
        known.append(byte)
        assert head.spec.id == 1 or head.pack() == bytes([byte])
    assert known == sorted([3, *(byte for byte in range(256) if byte & 15 in (0, 1, 2, 4))])


@given(st.binary(max_size=80))
def test_whatever_the_bytes_they_are_a_head_or_an_error_of_ours(data: bytes) -> None:
    try:
        head, length = Head.unpack(data)
    except (PayloadError, UnknownPlugin):
        return
    assert 0 < length <= len(data) and head.spec.name
