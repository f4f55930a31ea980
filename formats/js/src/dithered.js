/** The channel `dithered` (CHANNELS.md section 6): universal quantization under a logistic reference, in integers. */
import { filledTable, Stream } from "./entropy.js";
import { refuse } from "./errors.js";
import { bits, DOMAINS } from "./random.js";

/** A decimal number of 40 digits: digits x 10^exponent. @typedef {{digits: bigint, exponent: number}} Decimal */

/** Rounded half to even; `rest` says that something below the digits is not zero. @param {bigint} n @param {number} exponent @param {boolean} [rest] @returns {Decimal} */
function rounded(n, exponent, rest = false) {
  const drop = n.toString().length - 40;
  if (drop <= 0) return { digits: n, exponent };
  const unit = 10n ** BigInt(drop), half = unit / 2n;
  let digits = n / unit;
  const below = n % unit;
  if (below > half || (below === half && (rest || digits & 1n))) digits++;
  return digits === 10n ** 40n ? { digits: 10n ** 39n, exponent: exponent + drop + 1 } : { digits, exponent: exponent + drop };
}

/** @param {Decimal} a @param {Decimal} b */
function quotient(a, b) {
  const n = a.digits * 10n ** 90n;
  return rounded(n / b.digits, a.exponent - b.exponent - 90, n % b.digits !== 0n);
}

/** @param {Decimal} a */
function squareRoot(a) {
  const even = a.exponent % 2 === 0 ? 120 : 121, n = a.digits * 10n ** BigInt(even);
  let x = 10n ** BigInt(Math.ceil(n.toString().length / 2));
  for (let next = (x + n / x) >> 1n; next < x; next = (x + n / x) >> 1n) x = next;
  return rounded(x, (a.exponent - even) / 2, x * x !== n);
}

/** @param {Decimal} a */
const floor = ({ digits, exponent }) =>
  Number(exponent >= 0 ? digits * 10n ** BigInt(exponent) : digits / 10n ** BigInt(-exponent));

/** @type {Float64Array | undefined} */
let logistic;

/** T of section 6: 1537 values. */
function logisticTable() {
  if (logistic) return logistic;
  const ONE = 10n ** 80n;
  let root = ONE;  // exp(1/64)
  for (let term = ONE, n = 1n; (term /= 64n * n); n++) root += term;
  const T = new Float64Array(1537), two26 = { digits: 2n ** 26n, exponent: 0 };
  let power = ONE;
  for (let n = 0; n <= 768; n++, power = (power * root) / ONE)
    for (const p of [768 - n, 768 + n]) {
      const exp = rounded(p <= 768 ? power : (ONE * ONE) / power, -80), shift = BigInt(80 + exp.exponent);
      const sum = rounded(ONE + exp.digits * 10n ** shift, -80);
      T[p] = floor(quotient(two26, sum));
    }
  logistic = T;
  return T;
}

const EIGHTH = squareRoot(squareRoot(squareRoot({ digits: 2n, exponent: 0 })));

/** R for a width and the indices 0 to 104 of scales. @param {number} width */
export function rates(width) {
  const U = quotient({ digits: 2n ** 40n, exponent: 0 }, { digits: BigInt(width), exponent: 0 });
  return Array.from({ length: 105 }, (_, g) => floor(quotient(U, rounded(EIGHTH.digits ** BigInt(g), EIGHTH.exponent * g))));
}

/**
 * A symbol m < count under the table of N entries; cell m begins at e + m c. @param {Stream} stream
 * @param {{lo: number, hi: number, e: number, c: number, count: number}} cells @param {number} N
 * @param {number} mean @param {number} R
 */
export function readCell(stream, { lo, hi, e, c, count }, N, mean, R) {
  const T = logisticTable(), high = Math.floor(R / 1048576), low = R % 1048576, f = new Float64Array(N);
  /** F at the lower edge of cell m; u R in two parts, so that it stays below 2^53. @param {number} m */
  const F = (m) => {
    const u = Math.max(lo, Math.min(hi, e + m * c)) - mean;
    const v = Math.max(-49152, Math.min(49151, u * high + Math.floor((u * low) / 1048576))) + 49152, p = v >> 6;
    return T[p] + Math.floor(((T[p + 1] - T[p]) * (v & 63)) / 64);
  };
  let before = F(0), sum = 0;
  for (let m = 0; m < count; m++) {
    const next = F(m + 1);
    sum += f[m] = next - before + 4096;
    before = next;
  }
  for (let m = 0; m < N; m++) f[m] = 1 + Math.floor((f[m] * (16777216 - N)) / sum);
  const m = stream.read(filledTable(f));
  return m < count ? m : refuse("a symbol beyond the support");
}

/** Cells of a width under a word of dither. @param {number} word @param {number} width @param {number} lo @param {number} hi */
export function cellsOf(word, width, lo, hi) {
  const o = Math.floor((word * width) / 4294967296), j = Math.floor((lo + o) / width);
  return { lo, hi, e: j * width - o, c: width, count: Math.floor((hi - 1 + o) / width) - j + 1 };
}

/**
 * @typedef {{mean: ArrayLike<number>, scale: ArrayLike<number>, lo: ArrayLike<number>, hi: ArrayLike<number>}} Reference
 * what the reference says of each dimension: its mean, the index of its scale, and its support lo <= x < hi
 */

/**
 * Twice the sample y of each dimension, or PayloadError.
 * @param {number} width @param {{seed: number | bigint, step: number}} where
 * @param {Reference} reference @param {Uint8Array} bytes
 */
export function replayDithered(width, where, reference, bytes) {
  const { mean, scale, lo, hi } = reference, D = mean.length, R = rates(width), stream = new Stream(bytes);
  const word = bits({ seed: where.seed, domain: DOMAINS.DITHER, a: where.step, b: 0 }, 0, D);
  const cells = Array.from(word, (w, k) => cellsOf(w, width, lo[k], hi[k]));
  const N = cells.reduce((most, { count }) => Math.max(most, count), 1);
  const twice = Float64Array.from(cells, (cell, k) => {
    const m = cell.count > 1 ? readCell(stream, cell, N, mean[k], R[scale[k]]) : 0;
    return 2 * (cell.e + m * width) + width;
  });
  stream.finish();
  return twice;
}
