/** The linear mode of `ntc`: spec/embeddings/ntc.md, section 8. Its preview is here as well, for it is no network's. */
import { modelTables } from "./entropy.js";
import { ModelError, refuse } from "./errors.js";
import { demandClass, prepared } from "./model.js";

const B = 16, KNOTS = 6, FEATURES = 13, FAR = 32767, ROWS = B + 2;
const MOST = [255, 255, 255, 255, 255, 1020, 1020, 1020, 1020, 255, 255, 1020, 1020];
const AXES = [[-1, 0], [1, 0], [0, -1], [0, 1]], DIAGONAL = [[-1, -1], [-1, 1], [1, -1], [1, 1]];

export const STEPS = 161;

const MODELS = prepared((model) => {
  demandClass(model, "NtcRange");
  const { tensors } = model, places = [3, 3, B, B];
  const base = tensors.get("linear.base", "I32", [KNOTS, ...places]), weight = tensors.get("linear.weight", "I16", [...places, FEATURES]);
  const thresholds = tensors.get("linear.thresholds", "I32", [63]), tables = modelTables(tensors, 64);
  /** @param {boolean} ok @param {string} what */
  const demand = (ok, what) => {
    if (!ok) throw new ModelError(`linear.${what}`);
  };
  demand([base, weight, thresholds].every((list) => list.every((/** @type {number} */ n) => n >= 0)), "base, weight or thresholds below 0");
  demand(thresholds.every((/** @type {number} */ n, /** @type {number} */ i) => i === 0 || n > thresholds[i - 1]), "thresholds that do not ascend");
  const count = weight.length / FEATURES;
  for (let i = 0; i < count; i++) {
    let most = 0;
    for (let k = 0; k < KNOTS; k++) most = Math.max(most, base[k * count + i]);
    for (let f = 0; f < FEATURES; f++) most += weight[i * FEATURES + f] * MOST[f];
    demand(most < 2 ** 31, "base or weight whose sums leave 32 bits");
  }
  const [post, dct] = ["post", "dct"].map((name) => tensors.get(`linear.${name}`, "F32", [B, B]));
  const norm = tensors.get("linear.norm", "F32", [B]), colour = tensors.get("linear.colour", "F32", [3, 3]);
  demand([post, dct, norm, colour].every((list) => list.every(Number.isFinite)), "post, dct, norm or colour that is not finite");
  demand(norm.every((/** @type {number} */ n) => n > 0), "norm that is not above 0");
  return { base, weight, thresholds, tables: tables.slice(0, 64), count, post, dct, norm, colour };
});

/** Positions of each phase, row by row. @param {number} h @param {number} w */
function phasesOf(h, w) {
  /** @type {number[][]} */
  const phases = [[], [], []];
  for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) phases[(i + j) % 2 ? 2 : i % 2].push(i * w + j);
  return phases;
}

/**
 * Coefficients q as [colour, u, v, row, column].
 * @param {import("./model.js").Model} model @param {import("./entropy.js").Stream} stream @param {number} D
 * @param {number} height @param {number} width
 */
export function decodeLinear(model, stream, D, height, width) {
  const { base, weight, thresholds, tables, count } = MODELS(model);
  const h = Math.ceil(height / B), w = Math.ceil(width / B), P = h * w, phases = phasesOf(h, w);
  const data = new Int16Array(3 * B * B * P), k = Math.floor(D / 32), r = D % 32, next = Math.min(k + 1, KNOTS - 1);
  // Of the last three sums of frequencies, by colour: magnitudes and sums of those around; row u + 2 is frequency u.
  const own = [0, 1, 2].map(() => [0, 1, 2].map(() => new Uint8Array(ROWS * P)));
  const around = [0, 1, 2].map(() => [0, 1, 2].map(() => new Uint16Array(ROWS * P)));
  /** Sum over neighbours. @param {ArrayLike<number>} list @param {number} from @param {number} at @param {number[][]} where */
  const near = (list, from, at, where) => {
    const i = Math.floor(at / w), j = at % w;
    let sum = 0;
    for (const [y, x] of where) if (i + y >= 0 && i + y < h && j + x >= 0 && j + x < w) sum += list[from + at + y * w + x];
    return sum;
  };
  const ones = new Uint8Array(P).fill(1);
  for (let d = 0; d <= 2 * B - 2; d++) {
    for (const kept of [own, around]) kept.unshift(/** @type {any} */ (kept.pop()));
    const first = Math.max(0, d - B + 1), last = Math.min(d, B - 1);
    for (let c = 0; c < 3; c++) {
      own[0][c].fill(0);
      around[0][c].fill(0);
      const [one, two, sums, far] = [own[1][c], own[2][c], around[1][c], around[2][c]];
      for (const [phase, places] of phases.entries()) {
        const where = phase === 1 ? DIAGONAL : AXES, n = places.length, which = new Uint8Array((last - first + 1) * n);
        for (let u = first, t = 0; u <= last; u++) {
          const at = (phase * 3 + c) * B * B + u * B + d - u, of = at * FEATURES, row = (u + 2) * P, up = row - P;
          const start = Math.floor((base[k * count + at] * (32 - r) + base[next * count + at] * r) / 32);
          for (let i = 0; i < n; i++) {
            const p = places[i];
            let s = start + weight[of] * one[up + p] + weight[of + 1] * one[row + p] + weight[of + 2] * two[up + p]
              + weight[of + 3] * two[up - P + p] + weight[of + 4] * two[row + p] + weight[of + 5] * sums[up + p]
              + weight[of + 6] * sums[row + p] + weight[of + 7] * far[up + p];
            if (phase) s += weight[of + 8] * near(own[0][c], row, p, where);
            for (let b = 0; b < Math.min(c, 2); b++) s += weight[of + 9 + b] * own[0][b][row + p] + weight[of + 11 + b] * around[0][b][row + p];
            which[t++] = below(thresholds, s);
          }
        }
        const symbols = stream.batch(tables, which);
        for (let u = first, t = 0; u <= last; u++) {
          const from = ((c * B + u) * B + d - u) * P, row = (u + 2) * P;
          for (let i = 0; i < n; i++, t++) {
            const p = places[i];
            let value = symbols[t];
            own[0][c][row + p] = Math.min(Math.abs(value), 255);
            if (d === 0 && phase) {
              const number = near(ones, 0, p, where);
              value += Math.floor((2 * near(data, from, p, where) + number) / (2 * number));
            } else if (d === 0) value += p % w ? data[from + p - 2] : p ? data[from + p - 2 * w] : 0;
            if (Math.abs(value) > FAR) refuse("a coefficient that is too large");
            data[from + p] = value;
          }
        }
      }
      for (let u = first; u <= last; u++) {
        const row = (u + 2) * P;
        for (let p = 0; p < P; p++) around[0][c][row + p] = near(own[0][c], row, p, AXES);
      }
    }
  }
  return { data, h, w };
}

/** How many of an ascending list are not above a number. @param {ArrayLike<number>} list @param {number} s */
function below(list, s) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] <= s) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The preview (section 8.5): planes [3, height, width] in [0, 1].
 * @param {import("./model.js").Model} model @param {{data: Int16Array, h: number, w: number}} coefficients @param {number} D
 * @param {number} height @param {number} width
 */
export function linearPreview(model, { data, h, w }, D, height, width) {
  const { post, dct, norm, colour } = MODELS(model), H = B * h, W = B * w, step = 32 * 2 ** (-D / 32);
  const parts = [0, 1, 2].map((o) => {
    const x = new Float32Array(H * W), block = new Float64Array(B * B), half = new Float64Array(B * B);
    for (let at = 0; at < h * w; at++) {
      for (let i = 0; i < B * B; i++) block[i] = (data[(o * B * B + i) * h * w + at] * step) / (norm[i >> 4] * norm[i & 15]);
      for (let l = 0; l < B; l++) for (let m = 0; m < B; m++) {
        let sum = 0;
        for (let i = 0; i < B; i++) sum += block[i * B + l] * dct[i * B + m];
        half[m * B + l] = sum;
      }
      const corner = Math.floor(at / w) * B * W + (at % w) * B;
      for (let m = 0; m < B; m++) for (let n = 0; n < B; n++) {
        let sum = 0;
        for (let l = 0; l < B; l++) sum += half[m * B + l] * dct[l * B + n];
        x[corner + m * W + n] = sum;
      }
    }
    for (let y = 1; y < h; y++) for (let column = 0; column < W; column++) across(x, (B * y - B / 2) * W + column, W, post);
    for (let row = 0; row < H; row++) for (let j = 1; j < w; j++) across(x, row * W + B * j - B / 2, 1, post);
    return x;
  });
  const planes = new Float32Array(3 * height * width);
  for (let b = 0, to = 0; b < 3; b++) for (let i = 0; i < height; i++) for (let j = 0; j < width; j++, to++) {
    let sum = 127.5;
    for (let o = 0; o < 3; o++) sum += colour[3 * o + b] * parts[o][i * W + j];
    planes[to] = Math.min(1, Math.max(0, sum / 255));
  }
  return planes;
}

const held = new Float64Array(B);

/** A matrix on 16 numbers in place. @param {Float32Array} x @param {number} from @param {number} stride @param {ArrayLike<number>} matrix */
function across(x, from, stride, matrix) {
  for (let i = 0; i < B; i++) held[i] = x[from + i * stride];
  for (let i = 0; i < B; i++) {
    let sum = 0;
    for (let j = 0; j < B; j++) sum += matrix[i * B + j] * held[j];
    x[from + i * stride] = sum;
  }
}
