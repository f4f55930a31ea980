"""The channels of `diffc` against the suite that every channel passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from gcodec.testing import ChannelConformance


class TestTrellis(ChannelConformance):
    """So many steps that 3 % more or less of |m| show, and so does whether A is led to where it should be."""

    name = "trellis"
    options: ClassVar[Mapping[str, Any]] = {"memory": 8}
    bits, dimensions, runs = 256, 1024, 600
    along, spread, less, cost = (0.89, 0.93), (0.0, 0.5), 0.4, (1.0, 0.0)


class TestTrellisOfTheDefaultMemory(ChannelConformance):
    name = "trellis"
    bits, dimensions, runs = 64, 256, 60
    along, spread, less, cost = (0.92, 0.98), (0.0, 0.5), 0.4, (1.0, 0.0)


class TestAntipodal(ChannelConformance):
    """With the memory of `TestTrellis` it goes farther."""

    name = "antipodal"
    options: ClassVar[Mapping[str, Any]] = {"memory": 8}
    bits, dimensions, runs = 256, 1024, 200
    along, spread, less, cost = (0.92, 0.95), (0.0, 0.5), 0.4, (1.0, 0.0)


class TestFolded(ChannelConformance):
    name = "folded"
    options: ClassVar[Mapping[str, Any]] = {"memory": 8}
    bits, dimensions, runs = 256, 1024, 200
    along, spread, less, cost = (0.92, 0.95), (0.0, 0.5), 0.4, (1.0, 0.0)


class TestChunked(ChannelConformance):
    name = "chunked"
    bits, dimensions, runs = 112, 448, 160
    along, spread, less, cost = (0.82, 0.9), (0.5, 0.9), 0.4, (1.0, 40.0)
