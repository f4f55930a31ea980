"""Readers of spec/embeddings/diffc.md and ddcm.md as far as no network is needed: steps, samples, signal to noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from text_channels import Reader
from text_entropy import Refused


@dataclass
class Step:
    """A step's number of bytes for the schedule, b of section 4, `error` after it, and bits."""

    n: int
    b: int
    error: int
    bits: bytes
    channel: str
    parameters: dict[str, Any]

    def z(self, seed: int, i: int, D: int) -> list[float]:
        """Section 3."""
        asked = {"seed": hex(seed), "step": i, "dimensions": D, "bits": self.bits.hex()}
        return Reader(asked | {"channel": self.channel, "parameters": self.parameters}).read()

    def snr(self, before: float, D: int) -> float:
        """Section 4."""
        return before + 2 * math.log(2) * self.b / (D * 64 * math.exp(-self.error / 20))


def levels(steps: Sequence[Step], D: int) -> list[float]:
    """snr after each."""
    snr, found = 0.0, []
    for step in steps:
        snr = step.snr(snr, D)
        found.append(snr)
    return found


def schedule(B: Sequence[int], D: int) -> list[int]:
    """Section 2 of diffc.md."""
    lengths: list[int] = []
    if D < 32:
        return lengths
    longest, due = max(D // 8, 4), 0
    for each in B:
        due += each * D
        n = min(due // 8000000, longest)
        if n >= 4:
            lengths.append(n)
            due = 0 if n == longest else due - 8000000 * n
    return lengths


CHANGES = (-8, -5, -3, -1, 0, 1, 2, 3, 4, 5, 7, 9, 12, 17, 25, 40)


def diffc(layers: Sequence[bytes], B: Sequence[int], D: int) -> list[Step]:
    """Section 1 of diffc.md, with the channels that have numbers."""
    data = b"".join(layers)
    names = {0: "trellis", 1: "chunked", 2: "antipodal", 4: "folded"}
    if not data or data[0] & 15 not in names:
        raise Refused("head")
    name = names[data[0] & 15]
    fixed, at, steps, error = name != "chunked", 2, list[Step](), data[1]
    memory = (data[0] >> 4) + (8 if name == "folded" else 4)
    for n in schedule(B, D):
        if at == len(data):
            break
        error = min(max(error + CHANGES[data[at] // 16], 0), 255)
        if fixed:
            n = size = min(n, len(data) - at)
            if n < 4:
                raise Refused("the last step is too short")
            how: dict[str, Any] = {"bits": 8 * n - 4, "memory": memory}
            digits = data[at : at + size].hex()[1:] + "0"
        else:
            size, at = int(data[at : at + 4].hex()[1:], 16), at + 4
            if at + size > len(data):
                raise Refused("cut")
            how = {"kl": 8 * n, "chunk": 16, "padding": 2, "fresh": False}
            digits = data[at : at + size].hex()
        b = 8 * n - 4 if fixed else 8 * n
        steps.append(Step(n, b, error, bytes.fromhex(digits), name, how))
        at += size
    if at != len(data):
        raise Refused("more than the steps")
    return steps


def ddcm(layers: Sequence[bytes], D: int) -> list[Step]:
    """Sections 1 and 2 of ddcm.md."""
    data = b"".join(layers)
    if len(data) < 7:
        raise Refused("head")
    T, N = data[1] + 1, int.from_bytes(data[4:7], "big")
    channel, M = divmod(int.from_bytes(data[2:4], "big"), 2**15)
    M += 1
    if channel:
        K, C, G = 2 ** (data[0] % 32 + 1), data[0] // 32 + 1, 1
        while min(M, max(1, K // 2**16)) >= 2 * G:
            G *= 2
        groups = [M // G + (g < M % G) for g in range(G)]
        most = min(K, 512 * max(1, K // 2**16))
        method = {}
    else:
        K, C, groups, most = 2 ** (data[0] % 16 + 1), data[0] // 16 % 8 + 1, [M], 512
        method = {"method": "pursuit" if data[0] >> 7 else "threshold"}
    if K > 2**22 or min(K, most) < M or not T <= N <= T * D:
        raise Refused("head")
    # ceil(log2 binomial): as many bits as binomial - 1 has
    field = sum((math.comb(K // len(groups), m) - 1).bit_length() for m in groups) + M * C
    if method.get("method") == "pursuit":
        field = M * (K.bit_length() - 1) + (M - 1) * C
    ends, steps, at = set(), [], 7
    for i in range(T):
        blocks = (i + 1) * N // T - i * N // T
        n = -(-blocks * field // 8)
        how = {"entries": K, "atoms": M, "coefficients": C, "blocks": blocks} | method
        if at < len(data):
            name = "hadamard" if channel else "codebook"
            steps.append(Step(n, 8 * n, data[at], data[at + 1 : at + 1 + n], name, how))
        at += 1 + n
        ends.add(at)
    end, last = 0, 0
    for layer in layers:
        end, last = end + len(layer), end
        if end not in ends or end == last:
            raise Refused("a layer ends within a step")
    return steps
