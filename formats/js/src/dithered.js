/** The channel `dithered` (CHANNELS.md section 6): universal quantization under a logistic reference, in integers. */
import { Stream, tableOf } from "./entropy.js";
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

/** R for a width and the index of a scale. @param {number} width @param {number} g */
function rate(width, g) {
  const power = rounded(EIGHTH.digits ** BigInt(g), EIGHTH.exponent * g);
  return floor(quotient(quotient({ digits: 2n ** 40n, exponent: 0 }, { digits: BigInt(width), exponent: 0 }), power));
}

/**
 * @typedef {{mean: ArrayLike<number>, scale: ArrayLike<number>, lo: ArrayLike<number>, hi: ArrayLike<number>}} Reference
 * what the reference says of each dimension: its mean, the index of its scale, and its support lo <= x < hi
 */

/**
 * Twice the sample y of each dimension, or PayloadError.
 * @param {number} width @param {{seed: number | bigint, step: number}} where @param {Reference} reference @param {Uint8Array} bytes
 */
export function replayDithered(width, where, reference, bytes) {
  const { mean, scale, lo, hi } = reference, D = mean.length;
  const word = bits({ seed: where.seed, domain: DOMAINS.DITHER, a: where.step, b: 0 }, 0, D);
  const T = logisticTable(), R = Array.from({ length: 105 }, (_, g) => BigInt(rate(width, g)));
  const edge = new Float64Array(D), cells = new Int32Array(D);
  let N = 1;
  for (let k = 0; k < D; k++) {
    const o = Math.floor((word[k] * width) / 2 ** 32), j = Math.floor((lo[k] + o) / width);
    cells[k] = Math.floor((hi[k] - 1 + o) / width) - j + 1;
    edge[k] = j * width - o;
    N = Math.max(N, cells[k]);
  }
  /** @param {number} u @param {number} g */
  const F = (u, g) => {
    const v = Math.max(-49152, Math.min(49151, Number((BigInt(u) * R[g]) >> 20n))) + 49152, p = v >> 6;
    return T[p] + Math.floor(((T[p + 1] - T[p]) * (v & 63)) / 64);
  };
  const ans = new Stream(bytes), twice = new Float64Array(D), w = new Float64Array(N);
  for (let k = 0; k < D; k++) {
    let m = 0;
    if (cells[k] > 1) {
      w.fill(0);
      let before = F(Math.max(lo[k], Math.min(hi[k], edge[k])) - mean[k], scale[k]), sum = 0;
      for (let i = 0; i < cells[k]; i++) {
        const next = F(Math.max(lo[k], Math.min(hi[k], edge[k] + (i + 1) * width)) - mean[k], scale[k]);
        sum += w[i] = next - before + 4096;
        before = next;
      }
      const f = Float64Array.from(w, (x) => 1 + Math.floor((x * (2 ** 24 - N)) / sum));
      f[0] += 2 ** 24 - f.reduce((x, y) => x + y, 0);
      m = ans.read(tableOf(f));
      if (m >= cells[k]) refuse("a symbol beyond the support");
    }
    twice[k] = 2 * (edge[k] + m * width) + width;
  }
  ans.finish();
  return twice;
}
