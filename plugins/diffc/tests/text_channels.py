"""A reader of spec/CHANNELS.md, line by line, in Python's integers. Only the rows of RANDOMNESS.md are taken from gcodec."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
from text_entropy import Stream

from gcodec.randomness import Domain, Randomness


class Reader:
    """One use of a channel, in the form of the vectors."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector, self.D, self.a = vector, vector["dimensions"], vector["step"]
        self.randomness = Randomness(int(vector["seed"], 16))
        self.rows: dict[int, list[float]] = {}

    def normal(self, b: int, count: int) -> list[float]:
        if b not in self.rows:
            self.rows[b] = self.randomness.normal(Domain.CODEBOOK, self.a, b, count).tolist()
        return self.rows[b]

    def read(self) -> list[float]:
        parameters, data = self.vector["parameters"], bytes.fromhex(self.vector["bits"])
        if not parameters.get("bits", parameters.get("kl", 1)):
            return self.normal(0, self.D)
        self.order = self.randomness.permutation(Domain.PERMUTATION, self.a, 0, self.D).tolist()
        self.sign = self.randomness.signs(Domain.SIGNS, self.a, 0, self.D).tolist()
        if self.vector["channel"] == "trellis":
            return self.trellis(data, **parameters)
        if self.vector["channel"] == "antipodal":
            return self.antipodal(data, **parameters)
        if self.vector["channel"] == "folded":
            return self.trellis_of_few_rows(data, **parameters)
        if self.vector["channel"] == "codebook":
            return self.codebook(data, **parameters)
        if self.vector["channel"] == "hadamard":
            return self.hadamard(data, **parameters)
        return self.chunks(data, **parameters)

    def trellis(self, data: bytes, bits: int, memory: int) -> list[float]:
        v = min(memory, bits if bits <= 16 else bits // 3 + 4)
        return self.registers(data, bits, v, lambda s, i: (s, 1))

    def antipodal(self, data: bytes, bits: int, memory: int) -> list[float]:
        v = min(memory, bits // 16 + 9)

        def signed(s: int, i: int) -> tuple[int, int]:
            t, u = s // 2 ** (v - 1), s % 2
            return s // 2 % 2 ** (v - 2), 2 * (t ^ u) - 1

        return self.registers(data, bits, v, signed)

    def trellis_of_few_rows(self, data: bytes, bits: int, memory: int) -> list[float]:
        v = min(memory, bits // 16 + 9)
        r = min(v - 2, 12)

        def signed(s: int, i: int) -> tuple[int, int]:
            t, u = s // 2 ** (v - 1), s % 2
            middle = f"{s // 2 % 2 ** (v - 2):0{v - 2}b}"
            p = v - 1 - v // 3 + i % (v // 3)
            y = int(middle[p:] + middle[:p], 2)
            return (y + 37 * (y // 2**r) + 1597 * i) % 2**r, 2 * (t ^ u) - 1

        z = self.registers(data, bits, v, signed)
        signs = np.array([[(-1) ** (j & k).bit_count() for j in range(64)] for k in range(64)])
        for q in range(0, self.D - 63, 64):
            x = [round(z[self.order[q + j]] * 2**20) for j in range(64)]
            for k, s in enumerate((signs @ x).tolist()):
                z[self.order[q + k]] = float(np.float32(s / 2**23))
        return z

    def registers(
        self, data: bytes, n: int, v: int, signed: Callable[[int, int], tuple[int, int]]
    ) -> list[float]:
        z = [0.0] * self.D
        b = [data[k // 8] >> (7 - k % 8) & 1 for k in range(n)]
        s = [sum(b[(i - k) % n] * 2 ** (v - 1 - k) for k in range(v)) for i in range(n)]
        size = -(-self.D // n)
        turns = max(1, 16 // size)
        C = min(turns * size, 256)
        for q in range(self.D):
            i = q % n
            c = ((i % turns) * size + q // n) % C
            row, flip = signed(s[i], i)
            z[self.order[q]] = self.sign[q] * flip * self.normal(row, C)[c]
        return z

    def codebook(
        self,
        data: bytes,
        entries: int,
        atoms: int,
        coefficients: int,
        method: str,
        blocks: int,
    ) -> list[float]:
        K, M, C, k = entries, atoms, coefficients, entries.bit_length() - 1
        bits = [byte >> (7 - n) & 1 for byte in data for n in range(8)]

        def take(count: int) -> int:
            taken, bits[:count] = bits[:count], []
            return int("0" + "".join(map(str, taken)), 2)

        i, w = [], []
        for _ in range(blocks):
            if method == "threshold":
                i.append(subset(take(math.ceil(math.log2(math.comb(K, M)))), K, M))
                a = [2 * take(C) - 2**C + 1 for _ in range(M)]
                w.append([x / math.sqrt(sum(y * y for y in a)) for x in a])
                continue
            i.append([take(k)])
            w.append([1.0])
            for _ in range(1, M):
                i[-1].append(take(k))
                h = (take(C) + 1) / 2**C
                d = math.sqrt(h * h + (1 - h) * (1 - h))
                w[-1] = [h * x / d for x in w[-1]] + [(1 - h) / d]
        assert not any(bits) and len(bits) < 8
        L = -(-self.D // blocks)
        R = -(-L // -(-L // 512))
        z = [0.0] * self.D
        for q in range(self.D):
            block, e = q % blocks, q // blocks
            y = 0.0
            for x, atom in zip(w[block], i[block], strict=True):
                y += x * self.normal((atom + e // R) % K, R)[e % R]
            z[self.order[q]] = self.sign[q] * float(np.float32(y))
        return z

    def hadamard(
        self, data: bytes, entries: int, atoms: int, coefficients: int, blocks: int
    ) -> list[float]:
        K, M, C, D = entries, atoms, coefficients, self.D
        G = max(g for g in (2**k for k in range(23)) if g <= M and g <= max(1, K / 2**16))
        share = [M // G + (g < M % G) for g in range(G)]
        ranks = [(math.comb(K // G, m) - 1).bit_length() for m in share]
        field = sum(ranks) + M * C
        text = "".join(f"{byte:08b}" for byte in data)
        assert len(data) == -(-blocks * field // 8) and "1" not in text[blocks * field :]
        L = -(-D // blocks)
        n = 1 << math.ceil(math.log2(L))
        J = max(1, K // n)
        A = 7 * n * min(M, J)
        B = 4 * min(field, A // 7)
        sums = power(n)
        h = cache(lambda j: (sums @ self.second(j, n)).astype(int).tolist())
        order = range(D) if blocks == 1 else self.order
        z = [0.0] * D
        for block in range(blocks):
            bits = iter(text[block * field : (block + 1) * field])
            k, v = [], []
            for g in range(G):
                rank = int("0" + "".join(islice(bits, ranks[g])), 2)
                k += [g * K // G + i for i in subset(rank, K // G, share[g])]
                v += [2 * int("".join(islice(bits, C)), 2) - 2**C + 1 for _ in range(share[g])]
            Q = sum(x * x for x in v)
            gain = math.sqrt((A + B) / ((A - B) * (n * Q)))
            for q in range(block, D, blocks):
                e = q // blocks
                s = sum(x * h(i // n)[e ^ (i % n)] for x, i in zip(v, k, strict=True))
                z[order[q]] = self.sign[q] * float(np.float32(s * gain)) if s else 0.0
        return z

    def second(self, j: int, n: int) -> Any:
        return self.randomness.signs(Domain.SIGNS, self.a, 1, n, j * n)

    def chunks(
        self, data: bytes, kl: int, chunk: int, padding: int, fresh: bool = True
    ) -> list[float]:
        count = -(-kl // (chunk - padding))
        total = kl + padding * count
        w = [total // count + (c < total % count) for c in range(count)]
        e = [sum(w[:c]) * self.D // total for c in range(count + 1)]
        pfr = self.vector["channel"] == "pfr"
        k = indices(data, [16] * count if pfr else w, kl)
        P = min(-(-max(e[c + 1] - e[c] for c in range(count)) // 256), 64)
        z = [0.0] * self.D
        for c in range(count):
            for q in range(e[c], e[c + 1]):
                j = q - e[c]
                if fresh:
                    z[self.order[q]] = self.normal(k[c], self.D)[q]
                else:
                    u = (c * P + j // 256 % P) % 2 ** w[c]
                    z[self.order[q]] = self.sign[q] * self.normal(k[c] ^ u, 256)[j % 256]
        return z


def power(n: int) -> Any:
    """(-1)^ones(x and y) for x, y < n, binary32: sums of fewer than 2^24 are exact."""
    ones = np.arange(n)[:, None] & np.arange(n)
    for shift in (16, 8, 4, 2, 1):
        ones ^= ones >> shift
    return (1 - 2 * (ones & 1)).astype(np.float32)


def subset(rank: int, K: int, M: int) -> list[int]:
    """Element by element: so many sets begin with each candidate."""
    found: list[int] = []
    candidate = 0
    while len(found) < M:
        begin = math.comb(K - 1 - candidate, M - len(found) - 1)
        if rank < begin:
            found.append(candidate)
        else:
            rank -= begin
        candidate += 1
    return found


def log2(k: int) -> int:
    answer = k.bit_length() - 1
    x = k << (31 - answer)
    for _ in range(24):
        x = x * x // 2**31
        d = x // 2**32
        x = x // 2**d
        answer = 2 * answer + d
    return answer


def exp2(e: int) -> int:
    g, r = 2**32, 2**31
    for i in range(1, 25):
        r = math.isqrt(r * 2**32)
        if e >> (24 - i) & 1:
            g = g * r // 2**32
    return g // 2 ** (e // 2**24)


def table(W: int, kl: int, count: int) -> list[int]:
    N = 2**W
    s = 2**16 + (10000 * count * 2**16) // (10000 * kl + 15307 * count)
    g = [exp2(s * log2(p + 1) // 2**16) for p in range(N)]
    everything = sum(g)
    f = [1 + weight * (2**24 - N - 2) // everything for weight in g] + [1, 1]
    f[0] += 2**24 - sum(f)
    return f


def indices(data: bytes, W: list[int], kl: int) -> list[int]:
    coder = Stream(data)
    k = [0] * len(W)
    chunks = sorted(range(len(W)), key=lambda c: W[c])
    tables = {width: table(width, kl, len(W)) for width in set(W)}
    for c in chunks:
        k[c] = coder.entry(tables[W[c]])
    escaped = [c for c in range(len(W)) if k[c] == 2 ** W[c] + 1]
    t = {c: coder.entry([2**19] * 32) for c in escaped}
    for c in sorted(escaped, key=lambda c: t[c]):
        low = coder.entry([2 ** (24 - t[c])] * 2 ** t[c]) if t[c] else 0
        k[c] = 2 ** W[c] + 2 ** t[c] + low
    coder.close()
    return k


def forty_digits(x: Fraction) -> Fraction:
    """x > 0 rounded to 40 significant decimal digits, half to even."""
    places = 0
    while x * 10**places < 10**39:
        places += 1
    while x * Fraction(10) ** places >= 10**40:
        places -= 1
    return Fraction(round(x * Fraction(10) ** places)) / Fraction(10) ** places


def dithered(vector: dict[str, Any]) -> list[int]:
    """Twice y, from section 6."""
    C, seed = vector["width"], int(vector["seed"], 16)
    mean, lo, hi = vector["mean"], vector["lo"], vector["hi"]
    D = len(mean)
    word = Randomness(seed).bits(Domain.DITHER, vector["step"], 0, D).tolist()
    T = [int(2**26 / (1 + math.exp((768 - p) / 64))) for p in range(1537)]
    s = Fraction(1090507732665257659207010655760707978993, 10**39)

    def F(u: int, R: int) -> int:
        v = max(-49152, min(49151, (u * R) >> 20)) + 49152
        p = v // 64
        return T[p] + (T[p + 1] - T[p]) * (v % 64) // 64

    o = [w * C >> 32 for w in word]
    j = [(a + b) // C for a, b in zip(lo, o, strict=True)]
    K = [(a - 1 + b) // C - c + 1 for a, b, c in zip(hi, o, j, strict=True)]
    N = max(K)
    coder = Stream(bytes.fromhex(vector["bits"]))
    twice = []
    for k in range(D):
        e, m = j[k] * C - o[k], 0
        if K[k] > 1:
            P = forty_digits(s ** vector["scale"][k])
            R = int(forty_digits(forty_digits(Fraction(2**40, C)) / P))
            b = [max(lo[k], min(hi[k], e + i * C)) - mean[k] for i in range(N + 1)]
            w = [F(b[i + 1], R) - F(b[i], R) + 4096 if i < K[k] else 0 for i in range(N)]
            f = [1 + x * (2**24 - N) // sum(w) for x in w]
            f[0] += 2**24 - sum(f)
            m = coder.entry(f)
        twice.append(2 * (e + m * C) + C)
    coder.close()
    return twice
