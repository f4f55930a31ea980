/** Intervals of `uqdm`, and the picture that they tell: spec/embeddings/uqdm.md. */
import { MAIN } from "./container.js";
import { cellsOf, rates, readCell } from "./dithered.js";
import { filledTable, Stream } from "./entropy.js";
import { ModelError, refuse } from "./errors.js";
import { clip, enlarged, matmul, neighbourhoods } from "./integer.js";
import { concatenated, demandClass, demandEmbedding, prepared, words } from "./model.js";
import { bits, DOMAINS } from "./random.js";

/**
 * @typedef {import("./integer.js").Grid} Grid
 * @typedef {{weight: Float64Array, gain: Float64Array, bias: Float64Array, shift: number, inputs: number, outputs: number}} Layer
 * @typedef {{lo: Float64Array, hi: Float64Array, h: number, w: number, C: number, V: number[]}} Coefficients V by channel
 * @typedef {ReturnType<typeof cellsOf>} Cells
 */

const NORM = [886, 362, 418], WIDTHS = [47888, 16931, 5644, 1881, 627], GROUPS = [[0], [1], [2], [3, 4, 5], [6, 7, 8]];
const MOST = 2 ** 20;
/** Positions at a time: neighbourhoods of whole pictures would be gigabytes. */
const TOGETHER = 4096;

/** @param {number} x */
const relu = (x) => clip(x, 0, MOST);
/** @param {number} x */
const lim = (x) => clip(x, -MOST, MOST);

const PRIORS = prepared((model) => {
  demandClass(model, "Uqdm");
  const { width: U, passed: P } = model.config.network ?? {};
  if (!(U > 0 && P > 0)) throw new ModelError("config.json does not hold the sizes of `network`");
  /** @param {string} name @param {number} inputs @param {number} outputs @returns {Layer} */
  const layer = (name, inputs, outputs) => {
    /** @param {string} part @param {string} dtype @param {number[]} shape */
    const get = (part, dtype, ...shape) => Float64Array.from(model.tensors.get(`prior.${name}.${part}`, dtype, shape));
    const weight = get("weight", "I16", inputs, outputs), gain = get("gain", "I16", 30, outputs);
    const bias = get("bias", "I32", 30, outputs), [shift] = get("shift", "I32", 1), sums = new Float64Array(outputs);
    weight.forEach((x, i) => { sums[i % outputs] += Math.abs(x); });
    if (shift < 0 || shift > 24 || gain.some((g, i) =>
      MOST * Math.abs(g) * sums[i % outputs] + Math.abs(bias[i] + 2048) * 2 ** shift >= 2 ** 52))
      throw new ModelError(`the layer ${name} is beyond the bounds of exact arithmetic`);
    return { weight, gain, bias, shift, inputs, outputs };
  };
  return {
    P, first: layer("first", 9 * (30 + P), U), second: layer("second", 9 * U, U), third: layer("third", 9 * U, U),
    spread: layer("spread", U, U), hand: layer("hand", U, 4 * P), hidden: GROUPS.map((_, i) => layer(`hidden.${i}`, U, U)),
    out: GROUPS.map((of, i) => layer(`out.${i}`, U, 2 * of.length)), known: GROUPS.map((of, i) => layer(`known.${i}`, 18 * of.length, U)),
  };
});

/** A layer of row k at every position, then an activation. @param {Layer} layer @param {number} k @param {Grid} x @param {(x: number) => number} after @param {import("./integer.js").Matmul} multiply @returns {Promise<Grid>} */
async function apply({ weight, gain, bias, shift, inputs, outputs }, k, x, after, multiply) {
  const side = inputs === x.C ? 1 : 3, n = x.h * x.w, out = new Float64Array(n * outputs), unit = 2 ** (12 + shift), half = 2 ** shift;
  for (let from = 0; from < n; from += TOGETHER) {
    const m = Math.min(TOGETHER, n - from), positions = Array.from({ length: m }, (_, i) => from + i);
    const rows = side === 1 ? x.data.subarray(from * inputs, (from + m) * inputs) : neighbourhoods([{ grid: x, side }], positions);
    const sums = await multiply(rows, weight, m, inputs, outputs);
    for (let i = 0; i < sums.length; i++) {
      const j = k * outputs + (i % outputs);
      out[from * outputs + i] = after(Math.floor((sums[i] * gain[j] + (bias[j] + 2048) * half) / unit));
    }
  }
  return { data: out, h: x.h, w: x.w, C: outputs };
}

/** @param {Grid} a @param {Grid} b @param {(x: number) => number} after @returns {Grid} */
const plus = (a, b, after) => ({ ...a, data: a.data.map((x, i) => after(x + b.data[i])) });
/** @param {Grid} x @returns {Grid} */
const positive = (x) => ({ ...x, data: x.data.map(relu) });

/** @param {number} lo @param {number} hi */
const middle = (lo, hi) => (lo <= 0 && 0 < hi ? 0 : lo + hi);

/** Features of values [n, C] into columns of `out` [n, width] (section 5). @param {ArrayLike<number>} values @param {number} C @param {Float64Array} out @param {number} width @param {number} column */
function features(values, C, out, width, column) {
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / C) * width + column + (i % C), a = 64 + 4 * Math.abs(values[i]), k = Math.floor(Math.log2(a));
    out[at] = 16 * clip(values[i], -960, 960);
    out[at + C] = 16 * Math.min(64 * (k - 7) + Math.floor((64 * a) / 2 ** k + 0.5), 960);
  }
}

/** Coefficients of a level, 0 for averages, before anything is known (section 2). @param {number} level @param {number} H @param {number} W @returns {Coefficients} */
function unknown(level, H, W) {
  const l = level || 6, h = Math.ceil(H / 2 ** l), w = Math.ceil(W / 2 ** l), C = level ? 9 : 3;
  const V = Array.from({ length: C }, (_, c) => (!level ? 64 * NORM[c]
    : Math.floor((NORM[Math.floor(c / 3)] * 2 ** l) / (c % 3 === 2 ? 4 : 2))));
  const most = V.map((_, c) => 255 * (level ? (c < 3 ? 1 : 2) * (c % 3 === 2 ? 2 : 1) : 1));
  const lo = new Float64Array(h * w * C), hi = new Float64Array(h * w * C);
  for (let i = 0; i < lo.length; i++) {
    const c = i % C, v = V[c];
    lo[i] = (level || c ? -most[c] : 0) * v - Math.floor(v / 2);
    hi[i] = most[c] * v + v - Math.floor(v / 2);
  }
  return { lo, hi, h, w, C, V };
}

/** The cells of a coefficient in a stage (section 3). @param {Coefficients} of @param {number} i @param {number} stage @param {ArrayLike<number>} word @returns {Cells} */
function cells({ lo, hi, C, V }, i, stage, word) {
  if (stage < 4) return cellsOf(word[i], WIDTHS[stage], lo[i], hi[i]);
  const v = V[i % C], j = Math.ceil(lo[i] / v), count = Math.max(Math.floor((hi[i] - 1) / v) - j + 1, 1), e = j * v - Math.floor(v / 2);
  return { lo: e, hi: e + count * v, e, c: v, count };
}

/** Reads a group; lo and hi become those of the cells. @param {Coefficients} of @param {{i: number, cell: Cells}[]} group @param {(N: number, n: number) => number} read symbol n of the group */
function readGroup(of, group, read) {
  const sent = group.map((_, n) => n).filter((n) => group[n].cell.count > 1), symbols = new Float64Array(group.length);
  for (let from = 0; from < sent.length; from += 8192) {
    const strip = sent.slice(from, from + 8192), N = strip.reduce((most, n) => Math.max(most, group[n].cell.count), 1);
    for (const n of strip) symbols[n] = read(N, n);
  }
  group.forEach(({ i, cell: { lo, hi, e, c } }, n) => {
    of.lo[i] = Math.max(lo, e + symbols[n] * c);
    of.hi[i] = Math.min(hi, e + symbols[n] * c + c);
  });
}

/** @param {Stream} stream @param {Coefficients} of @param {number} stage @param {ArrayLike<number>} word */
function readAverages(stream, of, stage, word) {
  const group = Array.from(of.lo, (_, i) => ({ i, cell: cells(of, i, stage, word) }));
  readGroup(of, group, (N, n) => {
    const { count } = group[n].cell, f = new Float64Array(N).fill(1);
    f.fill(1 + Math.floor((2 ** 24 - N) / count), 0, count);
    const m = stream.read(filledTable(f));
    return m < count ? m : refuse("a symbol beyond its interval");
  });
}

/** Estimates in 1/64 (section 6). @param {Coefficients} of */
const estimates = ({ lo, hi, C, V }) => lo.map((low, i) => {
  const v = V[i % C], j = Math.ceil(low / v);
  return j === Math.floor((hi[i] - 1) / v) ? 64 * j : Math.floor((32 * middle(low, hi[i])) / v);
});

/** @param {number} x */
const half = (x) => (x % 64 === 0 ? 64 * Math.floor((Math.floor(x / 64) + 1) / 2) : Math.floor(x / 2) + 16);

/** A above the next finer level, which has h x w positions. @param {Float64Array} A @param {Coefficients} details @param {number} h @param {number} w */
function finer(A, details, h, w) {
  const d = estimates(details), out = new Float64Array(h * w * 3);
  for (let i = 0; i < A.length; i++) {
    const at = Math.floor(i / 3), colour = i % 3, y = 2 * Math.floor(at / details.w), x = 2 * (at % details.w);
    const [lh, hl, hh] = d.subarray(3 * i, 3 * i + 3), top = A[i] + half(lh), side = hl + half(hh);
    for (const [row, p, q] of [[y, top, side], [y + 1, top - lh, side - hh]]) {
      if (row >= h) continue;
      out[(row * w + x) * 3 + colour] = p + half(q);
      if (x + 1 < w) out[(row * w + x + 1) * 3 + colour] = p + half(q) - q;
    }
  }
  return out;
}

/**
 * Details of one level, in five groups under the prior (section 5); what is handed over to a level of h x w positions.
 * @param {ReturnType<typeof PRIORS>} prior @param {Stream} stream @param {Coefficients} of @param {number} stage @param {number} level
 * @param {ArrayLike<number>} word @param {Float64Array} A @param {Float64Array} passed @param {[number, number]} size
 * @param {number[]} R @param {import("./integer.js").Matmul} multiply
 */
async function readDetails(prior, stream, of, stage, level, word, A, passed, [h2, w2], R, multiply) {
  const { h, w, V } = of, n = h * w, k = 6 * stage + level - 1, width = WIDTHS[stage], { P } = prior;
  const all = Array.from(of.lo, (_, i) => cells(of, i, stage, word)), C = 30 + P, x = { data: new Float64Array(n * C), h, w, C };
  const slopes = new Float64Array(6 * n);
  for (let at = 0; at < n; at++)
    for (let c = 0; c < 3; c++) {
      if ((at % w) + 1 < w) slopes[6 * at + c] = Math.floor(((A[3 * at + 3 + c] - A[3 * at + c]) * V[3 * c]) / width + 0.5);
      if (at + w < n) slopes[6 * at + 3 + c] = Math.floor(((A[3 * (at + w) + c] - A[3 * at + c]) * V[3 * c]) / width + 0.5);
    }
  /** @param {number} lo @param {number} hi */
  const value = (lo, hi) => Math.floor((64 * middle(lo, hi)) / (2 * width) + 0.5);
  features(slopes, 6, x.data, C, 0);
  features(all.map(({ lo, hi }) => value(lo, hi)), 9, x.data, C, 12);
  for (let at = 0; at < n; at++) x.data.set(passed.subarray(at * P, (at + 1) * P), at * C + 30);

  const a = await apply(prior.first, k, x, relu, multiply), b = await apply(prior.second, k, a, relu, multiply);
  const y = plus(await apply(prior.third, k, b, (v) => v, multiply), a, relu);
  let u = await apply(prior.spread, k, y, lim, multiply);
  for (const [i, channels] of GROUPS.entries()) {
    const q = (await apply(prior.out[i], k, await apply(prior.hidden[i], k, positive(u), relu, multiply), (v) => v, multiply)).data;
    const G = channels.length, group = Array.from({ length: n * G }, (_, m) => {
      const at = Math.floor(m / G) * 9 + channels[m % G];
      return { i: at, cell: all[at] };
    });
    readGroup(of, group, (N, m) => {
      const from = Math.floor(m / G) * 2 * G + (m % G), { cell } = group[m];
      const mean = clip(0, cell.lo, cell.hi) + Math.floor((clip(q[from], -15360, 15360) * width) / 1024);
      return readCell(stream, cell, N, mean, R[clip(Math.floor(q[from + G] / 128 + 0.5), -64, 40) + 64]);
    });
    const z = { data: new Float64Array(2 * n * G), h, w, C: 2 * G };
    features(group.map(({ i: at }) => value(of.lo[at], of.hi[at])), G, z.data, 2 * G, 0);
    u = plus(u, await apply(prior.known[i], k, z, (v) => v, multiply), lim);
  }
  return enlarged(await apply(prior.hand, k, positive(u), relu, multiply), h2, w2).data;
}

/**
 * Intervals of averages (level 0) and details (levels 1 to 6), the errors as sent, and the picture: X of section 7 in
 * [0, 1], [H, W, 3], which is exact if all 17 layers are there.
 * @param {import("./container.js").File} file @param {import("./model.js").Model} model
 * @param {{matmul?: import("./integer.js").Matmul}} [options]
 */
export async function uqdmSymbols(file, model, options = {}) {
  demandEmbedding(file, "uqdm");
  const { height: H, width: W, extensions } = file.header, prior = PRIORS(model), multiply = options.matmul ?? matmul;
  const layers = file.segments.filter((segment) => segment.type === MAIN).map((segment) => segment.body);
  if (layers.length > 17) refuse(`${layers.length} layers`);
  const levels = Array.from({ length: 7 }, (_, level) => unknown(level, H, W));
  const sizes = Array.from({ length: 7 }, (_, l) => /** @type {[number, number]} */ ([Math.ceil(H / 2 ** l), Math.ceil(W / 2 ** l)]));
  const starts = new Array(7).fill(0);  // where the words of a level begin; averages come first, then level 6, 5, ..., 1
  let count = levels[0].lo.length;
  for (let level = 6; level >= 1; level--) {
    starts[level] = count;
    count += levels[level].lo.length;
  }
  /** @type {Float64Array[]} */
  let [passed, A] = [new Float64Array(0), new Float64Array(0)], word = new Uint32Array(0);
  /** @type {number[]} */
  let R = [];
  for (const [index, layer] of layers.entries()) {
    if (!layer.length) refuse("an empty layer");
    const stage = Math.min(Math.floor(index / 4), 4), stream = new Stream(layer.subarray(1));
    const sent = index === 16 ? [6, 5, 4, 3, 2, 1] : index % 4 === 0 ? [6, 5, 4] : [4 - (index % 4)];
    if (sent[0] === 6) {
      R = rates(WIDTHS[stage]);
      if (stage < 4) word = bits({ seed: extensions.get(0) ?? 0, domain: DOMAINS.DITHER, a: stage, b: 0 }, 0, count);
      readAverages(stream, levels[0], stage, word);
      A = estimates(levels[0]);
      passed = new Float64Array(sizes[6][0] * sizes[6][1] * prior.P);
    }
    for (const level of sent) {
      const size = sizes[level - 1];
      passed = await readDetails(prior, stream, levels[level], stage, level, word.subarray(starts[level]), A, passed, size, R, multiply);
      A = finer(A, levels[level], ...size);
    }
    stream.finish();
  }
  const errors = layers.map((layer) => layer[0]);
  const symbols = concatenated([Uint8Array.from(errors), ...[0, 6, 5, 4, 3, 2, 1].flatMap((l) => [words(levels[l].lo), words(levels[l].hi)])]);
  return { errors, levels, exact: layers.length === 17, picture: colours(levels, sizes, layers.length === 17), symbols };
}

/** @param {Coefficients[]} levels @param {[number, number][]} sizes @param {boolean} exact */
function colours(levels, sizes, exact) {
  let A = estimates(levels[0]);
  for (let level = 6; level >= 1; level--) A = finer(A, levels[level], ...sizes[level - 1]);
  const out = new Float32Array(A.length), div = (/** @type {number} */ x, /** @type {number} */ n) => (exact ? Math.floor(x / n) : x / n);
  for (let i = 0; i < A.length; i += 3) {
    const [Y, Co, Cg] = [A[i] / 64, A[i + 1] / 64, A[i + 2] / 64], T = Y - div(Cg, 3), B = T - div(Co, 2);
    [B + Co, Cg + T, B].forEach((x, c) => { out[i + c] = clip(x, 0, 255) / 255; });
  }
  return out;
}
