/** The channel `hadamard`: CHANNELS.md, section 5.1. Its sums are integers, which binary64 holds. */
import { refuse } from "./errors.js";
import { between, binomial, bitsBelow, Fields, thresholdField, unpack } from "./fields.js";
import { DOMAINS, permutation, signs } from "./random.js";

/** How many atoms each group has. @param {number} K @param {number} M */
function shares(K, M) {
  const most = Math.min(M, Math.max(1, K / 65536));
  let G = 1;
  while (2 * G <= most) G *= 2;
  return Array.from({ length: G }, (_, g) => Math.floor(M / G) + (g < M % G ? 1 : 0));
}

/** Bits of the field of a block. @param {number} K @param {number} M @param {number} C */
export function hadamardBits(K, M, C) {
  const groups = shares(K, M);
  return groups.reduce((sum, m) => sum + bitsBelow(binomial(K / groups.length, m)), M * C);
}

/** The Walsh-Hadamard transform, in place. @param {Float64Array} x */
export function transform(x) {
  for (let half = 1; half < x.length; half *= 2)
    for (let start = 0; start < x.length; start += 2 * half)
      for (let i = start; i < start + half; i++) {
        const a = x[i], b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
  return x;
}

/** @param {Record<string, any>} p @param {import("./channels.js").Where} where @param {Uint8Array} bytes */
export function hadamard(p, where, bytes) {
  const { seed, step, dimensions: D } = where, { entries: K, atoms: M, coefficients: C, blocks } = p;
  if (!between(1, 22, Math.log2(K)) || !between(1, Math.min(K, 512 * Math.max(1, K / 65536)), M) || !between(1, 8, C)
    || !between(1, D, blocks)) refuse("parameters out of range");
  const groups = shares(K, M), size = K / groups.length, sets = groups.map((m) => binomial(size, m));
  const field = hadamardBits(K, M, C), fields = new Fields(unpack(bytes, field * blocks));
  const L = Math.ceil(D / blocks);
  let n = 1;
  while (n < L) n *= 2;
  const J = Math.max(1, K / n), a = 7 * n * Math.min(M, J), b = 4 * Math.min(field, Math.floor(a / 7));

  // What the atoms of one transform add to one block, in sums of L elements a block.
  const sums = new Float64Array(blocks * L), gains = new Float64Array(blocks);
  /** @type {Map<number, [number, number, number][]>} transform -> block, row and odd integer of its atoms */
  const atoms = new Map();
  for (let block = 0; block < blocks; block++) {
    let squares = 0;
    groups.forEach((m, g) => {
      const { atoms: chosen, odd } = thresholdField(fields, size, m, C, sets[g]);
      chosen.forEach((atom, i) => {
        const k = g * size + atom, j = Math.floor(k / n);
        squares += odd[i] * odd[i];
        if (!atoms.has(j)) atoms.set(j, []);
        atoms.get(j)?.push([block, k % n, odd[i]]);
      });
    });
    gains[block] = Math.sqrt((a + b) / ((a - b) * (n * squares)));
  }
  for (const [j, some] of atoms) {
    const h = transform(Float64Array.from(signs({ seed, domain: DOMAINS.SIGNS, a: step, b: 1 }, j * n, n)));
    for (const [block, i, odd] of some)
      for (let e = 0; e < L; e++) sums[block * L + e] += odd * h[e ^ i];
  }

  const sign = signs({ seed, domain: DOMAINS.SIGNS, a: step, b: 0 }, 0, D), z = new Float32Array(D);
  const order = blocks > 1 ? permutation({ seed, domain: DOMAINS.PERMUTATION, a: step, b: 0 }, D) : null;
  for (let q = 0; q < D; q++) {
    const block = q % blocks, s = sums[block * L + Math.floor(q / blocks)];
    z[order ? order[q] : q] = s ? sign[q] * Math.fround(s * gains[block]) : 0;
  }
  return z;
}
