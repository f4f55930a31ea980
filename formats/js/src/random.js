/**
 * The common randomness of RANDOMNESS.md. A row is {seed, domain, a, b}; the seed is a bigint or an exact number.
 * Values are integers: normals in units of 2^-20, uniforms and dither of 2^-24; divided, they are exact in binary32.
 */
import { hex, sha256 } from "./checksum.js";
import NORMALS from "./data/normals.js";
import { frozen } from "./frozen.js";

/** @typedef {{seed: number | bigint, domain: number, a: number, b: number}} Row */

export const DOMAINS = Object.freeze({
  INITIAL_NOISE: 1, CODEBOOK: 2, PERMUTATION: 3, SIGNS: 4, DITHER: 5, DECODER_NOISE: 6, ENCODER: 7,
  COMPLETION: 8,
});

/**
 * Words start, ..., start + count - 1 of a row. Products of 32 bits are put together from halves of 16.
 * @param {Row} row @param {number} start @param {number} count
 */
export function bits(row, start, count) {
  const seed = BigInt(row.seed), key0 = Number(seed & 0xffffffffn) | 0, key1 = Number(seed >> 32n) | 0;
  const first = Math.floor(start / 4), blocks = count ? Math.floor((start + count - 1) / 4) - first + 1 : 0;
  const out = new Uint32Array(4 * blocks);
  for (let block = 0, at = 0; block < blocks; block++, at += 4) {
    let c0 = (first + block) | 0, c1 = row.b | 0, c2 = row.a | 0, c3 = row.domain | 0, k0 = key0, k1 = key1;
    for (let i = 0; i < 10; i++) {
      let low = c0 & 0xffff, high = c0 >>> 16;
      let x = (Math.imul(high, 0x1f53) + (Math.imul(low, 0x1f53) >>> 16)) | 0;
      let y = (Math.imul(low, 0xd251) + (x & 0xffff)) | 0;
      const ph = (Math.imul(high, 0xd251) + (x >>> 16) + (y >>> 16)) | 0, pl = Math.imul(c0, 0xd2511f53);
      low = c2 & 0xffff;
      high = c2 >>> 16;
      x = (Math.imul(high, 0x8d57) + (Math.imul(low, 0x8d57) >>> 16)) | 0;
      y = (Math.imul(low, 0xcd9e) + (x & 0xffff)) | 0;
      const qh = (Math.imul(high, 0xcd9e) + (x >>> 16) + (y >>> 16)) | 0, ql = Math.imul(c2, 0xcd9e8d57);
      c0 = qh ^ c1 ^ k0;
      c1 = ql;
      c2 = ph ^ c3 ^ k1;
      c3 = pl;
      k0 = (k0 + 0x9e3779b9) | 0;
      k1 = (k1 + 0xbb67ae85) | 0;
    }
    out[at] = c0;
    out[at + 1] = c1;
    out[at + 2] = c2;
    out[at + 3] = c3;
  }
  return out.subarray(start - 4 * first, start - 4 * first + count);
}

/** @type {Int32Array | undefined} */
let table;

/** The 65,408 normals of section 4, in units of 2^-20, their digest verified. */
function normalTable() {
  if (table) return table;
  const raw = frozen(NORMALS, ""), view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const made = new Int32Array(raw.length / 4);
  for (let i = 0, s = 0, t = 0; i < made.length; i++) {
    s += view.getInt32(4 * i, true);
    t += s;
    made[i] = t;
  }
  const digest = "7f5df1e1e1a9e79162d68e614ae37129e27953e40246dfdf880ef4f8e52a266e";
  if (hex(sha256(new Uint8Array(made.buffer))) !== digest) throw new Error("the table of normals has another digest");
  table = made;
  return made;
}

/** Times 2^20. @param {Row} row @param {number} start @param {number} count */
export function normals(row, start, count) {
  const T = normalTable(), words = bits(row, start, count), out = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const t = (words[i] >>> 8) & 0x7fffff, value = T[t < 32768 ? t : 32640 + (t >>> 8)];
    out[i] = words[i] >>> 31 ? -value : value;
  }
  return out;
}

/** Times 2^24. @param {Row} row @param {number} start @param {number} count */
export const uniforms = (row, start, count) => Int32Array.from(bits(row, start, count), (w) => (w >>> 8) | 1);

/** Times 2^24. @param {Row} row @param {number} start @param {number} count */
export const dither = (row, start, count) => Int32Array.from(bits(row, start, count), (w) => ((w >>> 8) | 1) - 8388608);

/** 1 and -1. @param {Row} row @param {number} start @param {number} count */
export function signs(row, start, count) {
  const first = Math.floor(start / 32);
  const words = bits(row, first, count ? Math.floor((start + count - 1) / 32) - first + 1 : 0);
  const out = new Int8Array(count);
  for (let i = 0; i < count; i++) {
    const n = start - 32 * first + i;
    out[i] = (words[Math.floor(n / 32)] >>> (n % 32)) & 1 ? -1 : 1;
  }
  return out;
}

/** The numbers 0, ..., n - 1 by ascending key of 53 bits, by a stable sort digit by digit. @param {Row} row @param {number} n */
export function permutation(row, n) {
  const words = bits(row, 0, 2 * n);
  const low = new Uint32Array(n), high = new Uint32Array(n);
  for (let j = 0; j < n; j++) {
    low[j] = ((words[2 * j] << 21) | (words[2 * j + 1] >>> 11)) >>> 0;
    high[j] = words[2 * j] >>> 11;
  }
  let order = Uint32Array.from({ length: n }, (_, j) => j), next = new Uint32Array(n);
  for (const [digits, shift] of /** @type {[Uint32Array, number][]} */ ([[low, 0], [low, 16], [high, 0], [high, 16]])) {
    const places = new Uint32Array(65537);
    for (let j = 0; j < n; j++) places[((digits[j] >>> shift) & 0xffff) + 1]++;
    for (let d = 0; d < 65536; d++) places[d + 1] += places[d];
    for (let j = 0; j < n; j++) next[places[(digits[order[j]] >>> shift) & 0xffff]++] = order[j];
    [order, next] = [next, order];
  }
  return order;
}
