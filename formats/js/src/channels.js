/**
 * What the bits of a channel simulator stand for: CHANNELS.md. `replay` gives z, a Float32Array.
 * Samples are looked up and signed; only `codebook` and `hadamard` compute, in binary64.
 */
import { filledTable, Stream } from "./entropy.js";
import { refuse } from "./errors.js";
import { between, binomial, bitsBelow, Fields, thresholdField, unpack } from "./fields.js";
import { hadamard, transform } from "./hadamard.js";
import { DOMAINS, normals, permutation, signs } from "./random.js";

/**
 * @typedef {{seed: number | bigint, step: number, dimensions: number}} Where
 * @typedef {Record<string, any>} Parameters
 */

/** @param {Where} where @param {number} b */
const codeword = ({ seed, step }, b) => ({ seed, domain: DOMAINS.CODEBOOK, a: step, b: b >>> 0 });

/** Elements start, ... of normal(b), times 2^20, made once for each b. @param {Where} where @param {number} length */
function rows(where, length) {
  /** @type {Map<number, Int32Array>} */
  const made = new Map();
  return (/** @type {number} */ b) => {
    let row = made.get(b);
    if (!row) made.set(b, (row = normals(codeword(where, b), 0, length)));
    return row;
  };
}

/** @param {Where} where */
function shared({ seed, step, dimensions }) {
  return {
    order: permutation({ seed, domain: DOMAINS.PERMUTATION, a: step, b: 0 }, dimensions),
    sign: signs({ seed, domain: DOMAINS.SIGNS, a: step, b: 0 }, 0, dimensions),
  };
}

/** @param {Where} where @param {Uint8Array} bytes */
function nothing(where, bytes) {
  if (bytes.length) refuse("bytes where nothing is sent");
  return Float32Array.from(normals(codeword(where, 0), 0, where.dimensions), (x) => x / 1048576);
}

/** What tells trellises apart: the least and largest memory, whether the register's ends are a sign, whether rows are few. */
const TRELLISES = {
  trellis: { least: 1, most: 20, ends: false, few: false },
  antipodal: { least: 3, most: 20, ends: true, few: false },
  folded: { least: 8, most: 23, ends: true, few: true },
};

/** The row of `folded`, of what is between a register's ends. @param {number} middle @param {number} v @param {number} i */
function fold(middle, v, i) {
  const size = v - 2, turn = Math.floor(v / 3), by = v - 1 - turn + (i % turn), width = Math.min(size, 12);
  const turned = ((middle << by) | (middle >> (size - by))) & (2 ** size - 1);
  return (turned + 37 * (turned >> width) + 1597 * i) % 2 ** width;
}

/** @param {Parameters} p @param {Where} where @param {Uint8Array} bytes @param {keyof typeof TRELLISES} kind */
function trellis(p, where, bytes, kind) {
  const D = where.dimensions, n = p.bits, { least, most, ends, few } = TRELLISES[kind];
  if (!between(0, D, n) || !between(least, most, p.memory)) refuse("parameters out of range");
  if (n === 0) return nothing(where, bytes);
  const b = unpack(bytes, n), { order, sign } = shared(where);
  const v = Math.min(p.memory, ends ? Math.floor(n / 16) + 9 : n <= 16 ? n : Math.floor(n / 3) + 4);
  const size = Math.ceil(D / n), turns = Math.max(1, Math.floor(16 / size)), columns = Math.min(turns * size, 256);
  const word = rows(where, columns);
  let register = 0;
  for (let k = 0; k < v; k++) register |= b[(((n - 1 - k) % n) + n) % n] << (v - 1 - k);
  const y = new Float64Array(D), z = new Float32Array(D);
  for (let i = 0; i < n; i++) {
    register = (register >> 1) | (b[i] << (v - 1));
    const middle = (register >> 1) & (2 ** (v - 2) - 1);
    const normal = word(few ? fold(middle, v, i) : ends ? middle : register);
    const flip = ends && !((register >> (v - 1)) ^ (register & 1)) ? -1 : 1;
    for (let q = i; q < D; q += n)
      y[q] = (sign[q] * flip * normal[((i % turns) * size + Math.floor(q / n)) % columns]) / 1048576;
  }
  for (let q = 0; few && q + 64 <= D; q += 64) transform(y.subarray(q, q + 64)).forEach((x, k, block) => { block[k] = x / 8; });
  for (let q = 0; q < D; q++) z[order[q]] = y[q];
  return z;
}

/** About 2^24 times the binary logarithm; squares of 32 bits are put together from halves. @param {number} k */
function log2(k) {
  let l = 31 - Math.clz32(k), x = k * 2 ** (31 - l);
  for (let i = 0; i < 24; i++) {
    x = Math.floor((x * Math.floor(x / 65536) + Math.floor((x * (x % 65536)) / 65536)) / 32768);
    const d = x >= 2 ** 32 ? 1 : 0;
    if (d) x = Math.floor(x / 2);
    l = 2 * l + d;
  }
  return l;
}

/** Floor of the square root. @param {bigint} n */
function isqrt(n) {
  let x = BigInt(Math.floor(Math.sqrt(Number(n))));
  while (x * x > n) x--;
  while ((x + 1n) * (x + 1n) <= n) x++;
  return x;
}

const ROOTS = [1n << 31n];
for (let i = 0; i < 24; i++) ROOTS.push(isqrt(ROOTS[i] << 32n));
const HALVES = ROOTS.map(Number);

/** About 2^32 2^(-e / 2^24). @param {number} e */
function weight(e) {
  let g = 2 ** 32;
  for (let i = 1, low = e % 2 ** 24; i <= 24; i++) {
    if (!((low >> (24 - i)) & 1)) continue;
    const r = HALVES[i];
    g = Math.floor((g * Math.floor(r / 65536) + Math.floor((g * (r % 65536)) / 65536)) / 65536);
  }
  return Math.floor(g / 2 ** Math.floor(e / 2 ** 24));
}

/** Sums of frequencies of section 4.2: N + 3 of them, from 0 to 2^24. @param {number} W @param {number} kl @param {number} count */
function zipf(W, kl, count) {
  const N = 2 ** W, s = 65536 + Number((BigInt(10000 * count) * 65536n) / BigInt(10000 * kl + 15307 * count));
  const g = Array.from({ length: N }, (_, p) => weight(Math.floor((s * log2(p + 1)) / 65536)));
  const sum = BigInt(g.reduce((x, y) => x + y, 0)), spread = BigInt(2 ** 24 - N - 2);
  const f = g.map((x) => 1 + Number((BigInt(x) * spread) / sum));
  f.push(1, 1);
  return filledTable(f);
}

/** @param {Parameters} p @param {Where} where @param {Uint8Array} bytes @param {boolean} escapes: those of pfr */
function chunked(p, where, bytes, escapes) {
  const D = where.dimensions, { kl, chunk, padding } = p, fresh = escapes || p.fresh;
  if (!between(1, 20, chunk) || !between(0, chunk - 1, padding)) refuse("parameters out of range");
  const count = Math.ceil(kl / (chunk - padding)), total = kl + padding * count;
  if (!between(0, D, kl)) refuse("parameters out of range");
  if (kl === 0) return nothing(where, bytes);
  const w = Array.from({ length: count }, (_, c) => Math.floor(total / count) + (c < total % count ? 1 : 0));
  const edges = [0];
  for (let c = 0, sum = 0; c < count; c++) edges.push(Math.floor(((sum += w[c]) * D) / total));

  const ans = new Stream(bytes), index = new Float64Array(count);
  const widths = escapes ? [16] : [...new Set(w)].sort((x, y) => x - y);
  /** @type {number[]} */
  const escaped = [];
  for (const W of widths) {
    const N = 2 ** W, sums = zipf(W, kl, count);
    for (let c = 0; c < count; c++) {
      if (!escapes && w[c] !== W) continue;
      index[c] = ans.read(sums);
      if (index[c] >= N && !escapes) refuse("an index beyond the chunk's");
      if (index[c] > N) escaped.push(c);
    }
  }
  const sizes = escaped.map(() => ans.even(5));
  if (sizes.some((t) => t >= 24)) refuse("an escape of 24 bits or more");
  for (let t = 0; t < 24; t++)
    sizes.forEach((size, i) => {
      if (size === t) index[escaped[i]] = 65536 + 2 ** t + (t ? ans.even(t) : 0);
    });
  ans.finish();
  if (escapes && index.some((k) => k >= 2 ** 22)) refuse("an index of 2^22 or more");

  const { order, sign } = shared(where), z = new Float32Array(D);
  const longest = Math.max(...w.map((_, c) => edges[c + 1] - edges[c]));
  const P = Math.min(Math.ceil(longest / 256), 64), word = rows(where, 256);
  for (let c = 0; c < count; c++) {
    if (fresh) {
      const normal = normals(codeword(where, index[c]), edges[c], edges[c + 1] - edges[c]);
      normal.forEach((x, j) => { z[order[edges[c] + j]] = x / 1048576; });
      continue;
    }
    for (let q = edges[c], j = 0; q < edges[c + 1]; q++, j++) {
      const u = (c * P + (Math.floor(j / 256) % P)) % 2 ** w[c];
      z[order[q]] = (sign[q] * word(index[c] ^ u)[j % 256]) / 1048576;
    }
  }
  return z;
}

/** @param {Parameters} p @param {Where} where @param {Uint8Array} bytes */
function codebook(p, where, bytes) {
  const D = where.dimensions, { entries: K, atoms: M, coefficients: C, method, blocks } = p;
  const k = Math.log2(K), threshold = method === "threshold";
  if (!between(1, 16, k) || !between(1, Math.min(512, K), M) || !between(1, 8, C) || !between(1, D, blocks)
    || !(threshold || method === "pursuit")) refuse("parameters out of range");
  const sets = threshold ? binomial(K, M) : 0n;
  const size = threshold ? bitsBelow(sets) + M * C : M * k + (M - 1) * C;
  const stream = new Fields(unpack(bytes, size * blocks));
  const fields = Array.from({ length: blocks }, () => (threshold ? weighted() : pursuitField()));

  function weighted() {
    const { atoms, odd } = thresholdField(stream, K, M, C, sets);
    const norm = Math.sqrt(odd.reduce((sum, x) => sum + x * x, 0));
    return { atoms, weights: odd.map((x) => x / norm) };
  }

  function pursuitField() {
    const atoms = [stream.number(k)], weights = [1];
    for (let m = 1; m < M; m++) {
      atoms.push(stream.number(k));
      const h = (stream.number(C) + 1) / 2 ** C, d = Math.sqrt(h * h + (1 - h) * (1 - h));
      for (let i = 0; i < m; i++) weights[i] = (h * weights[i]) / d;
      weights.push((1 - h) / d);
    }
    if (new Set(atoms).size !== M) refuse("an atom twice");
    return { atoms, weights };
  }

  const L = Math.ceil(D / blocks), R = Math.ceil(L / Math.ceil(L / 512));
  const { order, sign } = shared(where), word = rows(where, R), z = new Float32Array(D);
  for (let q = 0; q < D; q++) {
    const { atoms, weights } = fields[q % blocks], e = Math.floor(q / blocks);
    let y = 0;
    for (let m = 0; m < M; m++) {
      const c = (weights[m] * word((atoms[m] + Math.floor(e / R)) % K)[e % R]) / 1048576;
      y = m ? y + c : c;
    }
    z[order[q]] = sign[q] * Math.fround(y);
  }
  return z;
}

/** @type {Record<string, (p: Parameters, where: Where, bytes: Uint8Array) => Float32Array>} */
const CHANNELS = {
  trellis: (p, where, bytes) => trellis(p, where, bytes, "trellis"),
  antipodal: (p, where, bytes) => trellis(p, where, bytes, "antipodal"),
  folded: (p, where, bytes) => trellis(p, where, bytes, "folded"),
  chunked: (p, where, bytes) => chunked(p, where, bytes, false),
  orc: (p, where, bytes) => chunked(p, where, bytes, false),
  pfr: (p, where, bytes) => chunked(p, where, bytes, true),
  codebook,
  hadamard,
};

/**
 * The sample z that the bytes of one step stand for, or PayloadError.
 * @param {string} channel @param {Parameters} parameters @param {Where} where @param {Uint8Array} bytes
 */
export function replay(channel, parameters, where, bytes) {
  if (!Object.hasOwn(CHANNELS, channel)) refuse(`no channel ${channel} here`);
  return CHANNELS[channel](parameters, where, bytes);
}
