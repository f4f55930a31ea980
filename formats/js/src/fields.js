/** Fields of bits that name atoms of a codebook: CHANNELS.md, section 5. */
import { refuse } from "./errors.js";

/** Bits, most significant first; the rest of the last byte zero. @param {Uint8Array} bytes @param {number} n */
export function unpack(bytes, n) {
  if (bytes.length !== Math.ceil(n / 8)) refuse(`${bytes.length} bytes for ${n} bits`);
  if (n % 8 && bytes[bytes.length - 1] & (255 >> (n % 8))) refuse("bits beyond the last are not zero");
  return Uint8Array.from({ length: n }, (_, i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1);
}

/** @param {number} low @param {number} high @param {any} x */
export const between = (low, high, x) => Number.isInteger(x) && low <= x && x <= high;

/** @param {number} n @param {number} k @returns {bigint} */
export function binomial(n, k) {
  let value = 1n;
  for (let i = 0; i < k; i++) value = (value * BigInt(n - i)) / BigInt(i + 1);
  return n < k ? 0n : value;
}

/** Bits of numbers up to n - 1. @param {bigint} n */
export const bitsBelow = (n) => (n > 1n ? (n - 1n).toString(2).length : 0);

/** Numbers, one after another. */
export class Fields {
  /** @param {Uint8Array} bits */
  constructor(bits) {
    this.bits = bits;
    this.at = 0;
  }

  /** @param {number} n bits, 52 at most */
  number(n) {
    let value = 0;
    for (let i = 0; i < n; i++) value = 2 * value + this.bits[this.at++];
    return value;
  }

  /** @param {number} n bits, any number */
  integer(n) {
    const digits = this.bits.subarray(this.at, (this.at += n)).join("");
    return n ? BigInt(`0b${digits}`) : 0n;
  }
}

/**
 * A field of `threshold`: ascending atoms and their odd integers. `sets` is binomial(K, M).
 * @param {Fields} fields @param {number} K @param {number} M @param {number} C @param {bigint} sets
 */
export function thresholdField(fields, K, M, C, sets) {
  const rank = fields.integer(bitsBelow(sets));
  if (rank >= sets) refuse("a rank beyond the last");
  const odd = Array.from({ length: M }, () => 2 * fields.number(C) - 2 ** C + 1);
  // the rest is sum of binomial(K - 1 - i[m], M - m): the largest that fits is each atom's
  let rest = sets - 1n - rank, n = K - 1, term = binomial(n, M);
  const atoms = [];
  for (let m = 0; m < M; m++) {
    const choose = M - m;
    if (K > M * M) [n, term] = above(rest, choose);  // few atoms of many lie far apart
    while (term > rest) {
      term = n > 0 ? (term * BigInt(n - choose)) / BigInt(n) : 0n;  // binomial(n - 1, choose)
      n--;
    }
    atoms.push(K - 1 - n);
    rest -= term;
    term = n > 0 ? (term * BigInt(choose)) / BigInt(n) : 0n;  // binomial(n - 1, choose - 1)
    n--;
  }
  return { atoms, odd };
}

/**
 * An n not far above the last with binomial(n, k) <= bound, and binomial(n, k).
 * @param {bigint} bound @param {number} k @returns {[number, bigint]}
 */
function above(bound, k) {
  const digits = bound.toString(2), high = digits.slice(0, 50);
  let log = (digits.length - high.length) * Math.LN2 + Math.log(Math.max(parseInt(high, 2), 1));
  for (let i = 2; i <= k; i++) log += Math.log(i);
  // binomial(n, k) is about (n - (k - 1) / 2)^k / k!
  let n = Math.max(Math.floor(Math.exp(log / k) + (k - 1) / 2), k), term = binomial(n, k);
  while (term <= bound) term = (term * BigInt(++n)) / BigInt(n - k);
  return [n, term];
}
