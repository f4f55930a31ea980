/**
 * Samples under the law that a network makes of what was read before: spec/embeddings/lossless.md, sections 2 to 7.
 * All numbers are whole. Products of more than 53 bits are made in two parts, of which each is exact.
 */
import { ModelError, refuse } from "./errors.js";
import { clip, hidden, readLayer, sums } from "./integer.js";
import { demandClass, prepared } from "./model.js";

const NEIGHBOURS = [
  [0, -1], [1, 0], [1, -1], [1, 1], [0, -2], [2, 0], [1, 2], [2, 1], [1, -2], [2, -1],
  [0, -3], [1, -3], [2, -2], [2, 2], [2, 3], [3, 0], [3, -1], [3, 1],
];
const J = NEIGHBOURS.length, SEEN = 76, EXTRAS = [2, 4, 6], WEIGHTS = [2, 2, 1, 1, 1, 1];
const INTERVALS = 64, TOTAL = 2 ** 24;

/** @param {number} n: 1 or more */
function logarithm(n) {
  const q = 31 - Math.clz32(n);
  return 16 * q + Math.floor((16 * n) / 2 ** q) - 16;
}

/** @param {number} x @param {number} most */
const limit = (x, most) => (x < -most ? -most : x > most ? most : x);

/** floor(2^28 a / d): fourteen bits, then the other fourteen. @param {number} a @param {number} d */
function divided(a, d) {
  let high = Math.floor((a * 16384) / d), rest = a * 16384 - high * d;
  if (rest < 0) { high--; rest += d; }
  let low = Math.floor((rest * 16384) / d);
  if (rest * 16384 - low * d < 0) low--;
  return high * 16384 + low;
}

export const LAWS = prepared((model) => {
  demandClass(model, "LosslessLaw");
  const { tensors } = model;
  /** @param {string} name @param {number} inputs @param {number} [outputs] */
  const layer = (name, inputs, outputs) => readLayer(tensors, name, inputs, outputs ?? tensors.shape(`${name}.weight`)[1], 1);
  const first = layer("trunk.first", SEEN), second = layer("trunk.second", first.outputs);
  const heads = EXTRAS.map((extra, c) => {
    const one = layer(`head${c}.first`, second.outputs + extra), two = layer(`head${c}.hidden`, one.outputs);
    return { one, two, out: layer(`head${c}.out`, two.outputs, 9) };
  });
  /** @param {string} name @param {number} size @param {number} most */
  const table = (name, size, most) => {
    const found = tensors.get(`law.${name}`, "I32", [size]);
    if (found.some((/** @type {number} */ n) => n < 0 || n > most)) throw new ModelError(`law.${name} goes beyond 0 to ${most}`);
    return Float64Array.from(found);
  };
  const logistic = table("logistic", 2049, 2 ** 22), exponential = table("exponential", 1024, 2 ** 15), inverse = table("inverse", 305, 2 ** 24);
  if (logistic.some((n, i) => i > 0 && n < logistic[i - 1]) || !exponential[0]) throw new ModelError("law.logistic falls, or law.exponential begins with 0");
  return { first, second, heads, logistic, exponential, inverse };
});

/** @typedef {ReturnType<typeof LAWS>} Laws */
/** @typedef {import("./entropy.js").Stream} Stream */

/** Numbers of so many bits each, in digits of six, the highest first. @param {Stream} stream @param {number} count @param {number} bits */
function numbers(stream, count, bits) {
  const found = new Float64Array(count);
  for (let left = bits; left > 0;) {
    const digit = ((left - 1) % 6) + 1;
    left -= digit;
    for (let i = 0; i < count; i++) found[i] = found[i] * 2 ** digit + stream.even(digit);
  }
  return found;
}

/** Numbers from 0 on, of which floor(log2(number + 1)) is known. @param {Stream} stream @param {ArrayLike<number>} lengths */
export function rest(stream, lengths) {
  const found = Float64Array.from(lengths, (k) => 2 ** k - 1);
  /** @type {number[][]} */
  const groups = [];
  for (let i = 0; i < lengths.length; i++) (groups[lengths[i]] ??= []).push(i);
  for (let k = 1; k < groups.length; k++) {
    const some = groups[k] ?? [];
    numbers(stream, some.length, k).forEach((more, n) => { found[some[n]] += more; });
  }
  return found;
}

/** Numbers from 0 on. @param {Stream} stream @param {number} count @param {number} [longest] */
export function naturals(stream, count, longest = 31) {
  const lengths = Array.from({ length: count }, () => stream.even(5));
  if (lengths.some((k) => k > longest)) refuse("a number that is too long");
  return rest(stream, lengths);
}

/** Where the values of (y, x) stand, at y W + x; -1: nowhere (section 2). @param {number} y @param {number} x @param {number} W */
export function place(y, x, W) {
  for (;;) {
    if (y < 0) { x += 3 * y; y = 0; }
    if (x >= W) x = W - 1;
    if (x >= 0) return y * W + x;
    if (y === 0) return -1;
    y--;
    x = 0;
  }
}

/** What is known of a row's next pixel. */
class Pixel {
  /** @param {number} N @param {number} C */
  constructor(N, C) {
    this.m = new Float64Array(N * N);
    this.r = new Float64Array(N);
    this.v = new Float64Array(N);
    this.d = new Float64Array(J * C);
    this.base = new Float64Array(C);
    this.spread = new Float64Array(C);
    this.unit = new Float64Array(C);
    this.level = new Float64Array(C);
    this.scale = this.inverse = this.shift = this.p = 0;
    /** @type {number[]} of channels that are known */
    this.own = [];
  }

  /** @param {number} d */
  share(d) {
    return limit(Math.floor((d * this.inverse) / TOTAL), 511);
  }

  /** @param {number} k */
  eliminate(k) {
    const { m, r } = this, N = r.length, row = k * N, d = m[row + k], rk = limit(r[k], TOTAL);
    for (let i = k + 1; i < N; i++) {
      const f = divided(m[row + i], d), high = Math.floor(f / 1048576), low = f - high * 1048576, at = i * N;
      for (let j = i; j < N; j++) {
        const p = m[row + j];
        m[at + j] -= Math.floor((high * p + Math.floor((low * p) / 1048576)) / 256);
      }
      r[i] -= Math.floor((high * rk + Math.floor((low * rk) / 1048576)) / 256);
    }
  }
}

/**
 * Numbers from 0 to `most` of H x W pixels of C channels, [C, H, W]; no more rows than columns.
 * @param {Laws} laws @param {Stream} stream @param {number} H @param {number} W @param {number} C @param {number} most
 * @param {import("./integer.js").Matmul} multiply
 */
async function upright(laws, stream, H, W, C, most, multiply) {
  const near = Array.from({ length: C }, (_, c) => Array.from({ length: c ? 6 : 10 }, (_, j) => j * C + c)).flat();
  const M = near.length, N = M + C, pairs = (N * (N + 1)) / 2, middle = 32 * (most + 1), mean = Math.floor(65536 / M);
  const x = new Float64Array(H * W * C), e = new Float64Array(H * W * C);
  const along = new Float64Array(H * pairs), down = new Float64Array((H + 1) * pairs), above = new Float64Array(H * pairs);
  const pixels = Array.from({ length: H }, () => new Pixel(N, C));

  /** Sections 3 and 4, but for what hangs on the pixel's own channels; the trunk's inputs. @param {Pixel} pixel @param {number} row @param {number} column @param {Float64Array} seen */
  const begin = (pixel, row, column, seen) => {
    const { m, r, v, d, base, spread, unit, level } = pixel;
    let total = 0;
    const at = NEIGHBOURS.map(([u, right]) => (row >= u && column + right >= 0 && column + right < W
      ? (row - u) * W + column + right : place(row - u, column + right, W)));
    /** @param {number} j @param {number} c */
    const sample = (j, c) => (at[j] < 0 ? middle : x[at[j] * C + c]);
    for (let c = 0; c < C; c++) {
      base[c] = Math.floor((sample(0, c) + sample(1, c)) / 2);
      for (let j = 0; j < J; j++) d[j * C + c] = sample(j, c) - base[c];
    }
    for (const i of near) total += Math.abs(d[i]);
    pixel.scale = Math.floor((total * mean) / 65536) + 64;
    pixel.inverse = Math.floor(2 ** 30 / pixel.scale);
    for (let j = 0; j < J; j++) for (let c = 0; c < C; c++) seen[3 * j + c] = 16 * pixel.share(d[j * C + c]);
    for (let c = 0; c < C; c++) {
      const errors = WEIGHTS.map((_, j) => (at[j] < 0 ? 64 : e[at[j] * C + c]));
      spread[c] = Math.floor(WEIGHTS.reduce((sum, w, j) => sum + w * Math.abs(errors[j]), 0) / 8) + 4;
      unit[c] = Math.floor(2 ** 20 / spread[c]);
      level[c] = logarithm(spread[c]);
      errors.forEach((error, j) => { seen[3 * (J + j) + c] = 16 * limit(Math.floor((error * unit[c]) / 16384), 511); });
      seen[SEEN - 3 + c] = 16 * (level[c] - 128);
    }
    seen[SEEN - 4] = 16 * (logarithm(pixel.scale) - 128);
    r.fill(0);
    near.forEach((i, k) => { r[k] = 64 * (v[k] = pixel.share(d[i])); });
    for (let i = 0, pair = 0; i < N; i++)
      for (let j = i; j < N; j++, pair++) {
        const b = down[row * pairs + pair], faded = (above[row * pairs + pair] = b - Math.floor(b / 8));
        m[i * N + j] = along[row * pairs + pair] + faded + (i === j ? 65536 : 0);
      }
    for (let k = 0; k < M; k++) pixel.eliminate(k);
    pixel.own = [];
  };

  for (let t = 0; t < W + 3 * (H - 1); t++) {
    const first = Math.max(0, Math.ceil((t - W + 1) / 3)), stop = Math.min(H, Math.floor(t / 3) + 1), n = stop - first;
    if (n <= 0) continue;
    const wave = pixels.slice(first, stop), seen = new Float64Array(n * SEEN);
    wave.forEach((pixel, i) => begin(pixel, first + i, t - 3 * (first + i), seen.subarray(i * SEEN, (i + 1) * SEEN)));
    const shared = await hidden(laws.second, await hidden(laws.first, seen, 0, multiply), 0, multiply), S = laws.second.outputs;
    for (let c = 0; c < C; c++) {
      const { one, two, out } = laws.heads[c], inputs = new Float64Array(n * one.inputs);
      wave.forEach((pixel, i) => {
        pixel.shift = limit(-pixel.r[M + c], 65536);
        pixel.p = clip(pixel.base[c] + Math.floor((pixel.shift * pixel.scale) / 4096), 0, 64 * most);
        inputs.set(shared.subarray(i * S, (i + 1) * S), i * one.inputs);
        [limit(Math.floor(pixel.shift / 64), 511), pixel.level[c] - 128, ...pixel.own].forEach((extra, k) => { inputs[i * one.inputs + S + k] = 16 * extra; });
      });
      const told = await sums(out, await hidden(two, await hidden(one, inputs, 0, multiply), 0, multiply), 0, multiply);
      const found = readSamples(laws, stream, wave.map((pixel, i) => lawOf(laws, told.subarray(9 * i, 9 * i + 9), 2 ** (10 + out.shift), pixel, c, most)), most);
      wave.forEach((pixel, i) => {
        const at = ((first + i) * W + t - 3 * (first + i)) * C + c, error = 64 * found[i] - pixel.p, v = pixel.share(64 * found[i] - pixel.base[c]);
        x[at] = 64 * found[i];
        e[at] = error;
        pixel.v[M + c] = v;
        pixel.own.push(v, limit(Math.floor((error * pixel.unit[c]) / 16384), 511));
        pixel.r[M + c] += 64 * v;
        if (c + 1 < C) pixel.eliminate(M + c);
      });
    }
    wave.forEach(({ v }, n) => {
      const row = first + n;
      for (let i = 0, at = row * pairs; i < N; i++)
        for (let j = i; j < N; j++, at++) {
          along[at] += 64 * v[i] * v[j] - Math.floor(along[at] / 16);
          down[at + pairs] = along[at] + above[at];
        }
    });
  }
  const planes = new Float64Array(C * H * W);
  for (let i = 0; i < x.length; i++) planes[(i % C) * H * W + Math.floor(i / C)] = x[i] / 64;
  return planes;
}

/** @typedef {{centre: number, wide: number, q: number[], mean: number[], inverse: number[]}} Law */

/** Sections 5 and 6, of nine sums. @param {Laws} laws @param {Float64Array} told @param {number} one @param {Pixel} pixel @param {number} c @param {number} most @returns {Law} */
function lawOf({ exponential, inverse }, told, one, { p, spread, level }, c, most) {
  /** @param {number} i @param {number} unit */
  const rounded = (i, unit) => Math.floor((unit * told[i]) / one + 0.5);
  const weight = [0, 1, 2].map((i) => rounded(i, 64)), top = Math.max(...weight);
  const mean = [3, 4, 5].map((i) => p + Math.floor((limit(rounded(i, 64), 4096) * spread[c]) / 64));
  const levels = [6, 7, 8].map((i) => clip(level[c] + rounded(i, 16), 16, 320));
  const E = weight.map((w) => exponential[Math.min(top - w, 1023)]), sum = E[0] + E[1] + E[2], q = E.map((n) => Math.floor((4096 * n) / sum));
  q[0] += 4096 - q[0] - q[1] - q[2];
  return {
    q, mean, inverse: levels.map((l) => inverse[l - 16]), wide: Math.max(0, (Math.max(...levels) - 137) >> 4),
    centre: clip(Math.floor((Math.floor((q[0] * mean[0] + q[1] * mean[1] + q[2] * mean[2]) / 4096) + 32) / 64), 0, most),
  };
}

/** Section 7. @param {Laws} laws @param {Stream} stream @param {Law[]} wave @param {number} most */
function readSamples({ logistic }, stream, wave, most) {
  /** @param {Law} law @param {number} j */
  const first = ({ centre, wide }, j) => centre + (j - 32) * 2 ** wide;
  /** F[j] of section 6. @param {Law} law @param {number} j */
  const below = (law, j) => {
    const start = first(law, j);
    let t = 0;
    if (j === INTERVALS || start > most) t = j ? 2 ** 34 : 0;
    else if (j && start > 0)
      for (let k = 0; k < 3; k++) {
        const z = Math.floor(((64 * start - 32 - law.mean[k]) * law.inverse[k] + 2 ** 28) / 2 ** 18);
        t += law.q[k] * logistic[clip(z, 0, 2048)];
      }
    const high = Math.floor(t / 131072), low = t - high * 131072, unit = TOTAL - INTERVALS;
    return Math.floor((high * unit + Math.floor((low * unit) / 131072)) / 131072) + j;
  };
  const interval = wave.map((law) => {
    const r = stream.low % TOTAL;
    let [p, start, end, stop] = [0, 0, INTERVALS, TOTAL];
    while (end - p > 1) {
      const half = (p + end) >> 1, sum = below(law, half);
      if (sum <= r) [p, start] = [half, sum];
      else [end, stop] = [half, sum];
    }
    stream.advance(start, stop - start);
    return p;
  });
  const found = wave.map((law, i) => first(law, interval[i])), widest = wave.reduce((sum, { wide }) => Math.max(sum, wide), 0);
  for (let bits = 1; bits <= widest; bits++) {
    const some = Array.from(found.keys()).filter((i) => wave[i].wide === bits && interval[i] > 0 && interval[i] < INTERVALS - 1);
    numbers(stream, some.length, bits).forEach((more, n) => { found[some[n]] += more; });
  }
  for (const [end, sign] of [[0, -1], [INTERVALS - 1, 1]]) {
    const some = Array.from(found.keys()).filter((i) => interval[i] === end);
    naturals(stream, some.length, 16).forEach((far, n) => {
      const i = some[n];
      found[i] = (end ? first(wave[i], end) : first(wave[i], 1) - 1) + sign * far;
    });
  }
  if (found.some((s) => s < 0 || s > most)) refuse(`a sample beyond 0 to ${most}`);
  return found;
}

/** Rows for columns. @param {Float64Array} planes [C, w, h] @param {number} C @param {number} h @param {number} w */
export function turned(planes, C, h, w) {
  return Float64Array.from(planes, (_, at) => {
    const c = Math.floor(at / (h * w)), y = Math.floor(at / w) % h, x = at % w;
    return planes[(c * w + x) * h + y];
  });
}

/**
 * Numbers from 0 to `most` of `height` x `width` pixels, [C, height, width].
 * @param {Laws} laws @param {Stream} stream @param {number} height @param {number} width @param {number} C @param {number} most
 * @param {import("./integer.js").Matmul} multiply
 */
export async function readPlanes(laws, stream, height, width, C, most, multiply) {
  if (height <= width) return upright(laws, stream, height, width, C, most, multiply);
  return turned(await upright(laws, stream, width, height, C, most, multiply), C, height, width);
}
