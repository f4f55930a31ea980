/** Symbols of `ldm_quant` and `rate_variable`: spec/embeddings of these names. Values are in 1/16 of the bin width. */
import { filledTable, modelTables, Stream } from "./entropy.js";
import { refuse } from "./errors.js";
import { decodeGroups, diagonals, fromStream, matmul, readGroups } from "./integer.js";
import { concatenated, demandClass, demandEmbedding, onlyLayer, prepared, words } from "./model.js";
import { dither, DOMAINS } from "./random.js";

/** @typedef {import("./container.js").File} File @typedef {import("./model.js").Model} Model @typedef {{matmul?: import("./integer.js").Matmul}} Options */

const MODELS = prepared((model) => {
  demandClass(model, "LatentEntropy");
  return { f: Number(model.config.latents?.factor), groups: readGroups(model), tables: modelTables(model.tensors, 458) };
});

/** The bin width of a code. @param {number} c */
const width = (c) => 2 ** (2.5 - (5 * c) / 65535);

/**
 * The code of the bin width, hyper-latents and latents; the latent in units of its space is bin width x latents / 16.
 * @param {File} file @param {Model} model @param {Options} [options]
 */
export async function rateVariableSymbols(file, model, options = {}) {
  demandEmbedding(file, "rate_variable");
  const payload = onlyLayer(file), { f, groups, tables } = MODELS(model);
  if (payload.length < 2) refuse("a payload of fewer than two bytes");
  const code = 256 * payload[0] + payload[1], stream = new Stream(payload.subarray(2));
  const grids = await decodeGroups(groups, Math.ceil(file.header.height / f), Math.ceil(file.header.width / f),
    Math.floor((code + 128) / 257), fromStream(stream, tables), options.matmul ?? matmul);
  stream.finish();
  const symbols = concatenated([payload.subarray(0, 2), words(grids.hyper.data), words(grids.latents.data)]);
  return { code, binWidth: width(code), ...grids, symbols };
}

/** Dither of h x w x C latents, in 2^-24, and k, the same in sixteenths. @param {File} file @param {number} count */
function ditherOf(file, count) {
  const seed = file.header.extensions.get(0) ?? 0, u = dither({ seed, domain: DOMAINS.DITHER, a: 0, b: 24 }, 0, count);
  return { u, k: u.map((x) => Math.floor(x / 2 ** 20 + 0.5)) };
}

/**
 * The code Q, hyper-latents and latents: data is 16 s - k, k the dither in sixteenths or null. The latent in units of its space
 * is bin width x s without dither, and bin width x (s - u / 2^24) with it.
 * @param {File} file @param {Model | {C: number, f: number}} model: entropy model, or channels of the latents and samples a side
 * @param {Options} [options]
 */
export async function ldmQuantSymbols(file, model, options = {}) {
  demandEmbedding(file, "ldm_quant");
  const payload = onlyLayer(file);
  if (!payload.length) refuse("no byte at all");
  const Q = payload[0], dithered = payload.length > 1 && payload[payload.length - 1] === 0;
  const stream = new Stream(payload.subarray(1, payload.length - (dithered ? 1 : 0)));
  const entropy = "tensors" in model ? MODELS(model) : null, f = entropy?.f ?? Number("f" in model && model.f);
  const C = entropy ? entropy.groups.groups.reduce((/** @type {number} */ x, /** @type {number} */ y) => x + y, 0) : Number("C" in model && model.C);
  const h = Math.ceil(file.header.height / f), w = Math.ceil(file.header.width / f);
  const { u, k } = dithered ? ditherOf(file, h * w * C) : { u: null, k: null };
  /** @type {Float64Array[]} */
  let [hyper, latents] = [new Float64Array(0), new Float64Array(0)];
  if (entropy) {
    const { groups, tables } = entropy, plain = fromStream(stream, tables);
    const grids = await decodeGroups(groups, h, w, Q, (batch, mean, scale, place) => {
      if (!batch) return plain(batch, mean, scale, place);
      const shift = Float64Array.from(mean, (_, i) => k?.[place.positions[Math.floor(i / place.C)] * C + place.from + (i % place.C)] ?? 0);
      const near = mean.map((m, i) => Math.floor((m + shift[i] + 8) / 16)), e = mean.map((m, i) => m + shift[i] - 16 * near[i]);
      const t = stream.batch(tables, scale.map((i, n) => {
        const j = dithered ? Math.max(4, Math.min(i, 2 * i - 20)) : i;
        return j >= 36 ? j : 134 + 9 * j + Math.abs(e[n]);
      }));
      return t.map((x, n) => 16 * (e[n] >= 0 ? near[n] + x : near[n] - x) - shift[n]);
    }, options.matmul ?? matmul);
    hyper = grids.hyper.data;
    latents = grids.latents.data;
  } else latents = adaptive(stream, h, w, C, k ?? new Int32Array(h * w * C));
  stream.finish();
  const symbols = concatenated([Uint8Array.of(Q), words(hyper), words(latents)]);
  return { Q, binWidth: width(257 * Q), hyper, latents: { data: latents, h, w, C, k }, u, symbols };
}

const RATIOS = [
  1024, 1290, 1624, 2046, 2576, 3243, 4080, 5129, 6439, 8068, 10077, 12529, 15471, 18922, 22847, 27146, 31654, 36171,
  40503, 44500, 48068, 51169, 53810, 56022, 57854, 59356, 60578, 61568, 62366, 63006, 63520,
];
const LIMITS = [
  144, 181, 228, 287, 362, 456, 575, 724, 912, 1149, 1448, 1825, 2299, 2896, 3649, 4598, 5793, 7298, 9195, 11585, 14596,
  18390, 23170, 29193, 36781, 46341, 58386, 73562, 92682, 116772,
];

/** Table of a ratio of `ldm_quant`, section 5. @param {number} ratio */
function geometric(ratio) {
  const q = BigInt(ratio), g = [2n ** 40n];
  for (let next = (g[0] * q) >> 16n; g.length < 500 && g[g.length - 1] >= 2n ** 20n; next = (g[g.length - 1] * q) >> 16n) g.push(next);
  const weights = [g[0], ...g.slice(1).flatMap((x) => [x, x]), (2n * g[g.length - 1] * q) / (65536n - q)];
  const sum = weights.reduce((x, y) => x + y, 0n), room = BigInt(2 ** 24 - weights.length);
  return filledTable(weights.map((x) => 1 + Number((x * room) / sum)));
}

/** @type {Float64Array[] | undefined} */
let geometrics;

/** Latents that no entropy model knows (`ldm_quant`, section 5). @param {Stream} stream @param {number} h @param {number} w @param {number} C @param {ArrayLike<number>} k */
function adaptive(stream, h, w, C, k) {
  geometrics ??= RATIOS.map(geometric);
  const y = new Float64Array(h * w * C), r = new Float64Array(h * w * C), errors = new Float64Array(5 * C);
  const A = new Float64Array(40 * C), B = new Float64Array(40 * C).fill(4), none = new Float64Array(C);
  for (let i = 0; i < 40; i++) {
    const l = i < 4 ? i : (2 + (i % 2)) * 2 ** ((i >> 1) - 1);
    A.fill(4 * Math.floor((4096 * l) / 96), i * C, (i + 1) * C);
  }
  for (const positions of diagonals(h, w, 2)) {
    const count = positions.length * C, guesses = new Float64Array(5 * count), contexts = new Int32Array(count), p = new Float64Array(count);
    positions.forEach((at, n) => {
      const row = Math.floor(at / w), column = at % w;
      /** @param {Float64Array} of @returns {Float64Array[]} W, N, NE, NW, each with what stands for it */
      const near = (of) => {
        const get = (/** @type {number} */ i) => of.subarray(i * C, (i + 1) * C);
        const W = column ? get(at - 1) : row ? get(at - w) : none, N = row ? get(at - w) : W;
        return [W, N, row && column < w - 1 ? get(at - w + 1) : N, row && column ? get(at - w - 1) : W];
      };
      const [W, N, NE, NW] = near(y), [rW, rN, rNE, rNW] = near(r);
      const m = rW.map((x, c) => 2 * x + 2 * rN[c] + rNE[c] + rNW[c]), sum = m.reduce((a, b) => a + b, 0);
      for (let c = 0; c < C; c++) {
        const i = n * C + c, v = Math.floor((C * m[c] + sum) / (2 * C)), g = Math.floor(Math.log2(v));
        contexts[i] = v < 4 ? v : Math.min(39, 2 * g + (Math.floor(v / 2 ** (g - 1)) % 2));
        guesses.set([0, W[c], N[c], Math.floor((W[c] + N[c]) / 2), Math.floor((3 * W[c] + 3 * N[c] + NE[c] + NW[c]) / 8)], 5 * i);
        let best = 0;
        for (let j = 1; j < 5; j++) if (errors[5 * c + j] < errors[5 * c + best]) best = j;
        p[i] = guesses[5 * i + best];
      }
    });
    const which = contexts.map((context, i) => {
      const scale = Math.floor(A[context * C + (i % C)] / B[context * C + (i % C)]);
      return LIMITS.filter((limit) => limit <= scale).length;
    });
    const read = stream.batch(geometrics, which);
    read.forEach((difference, i) => {
      const c = i % C, at = positions[Math.floor(i / C)] * C + c, s = Math.floor((p[i] + k[at] + 8) / 16) + difference;
      if (Math.abs(s) > 2 ** 22) refuse("a symbol that is too large");
      y[at] = 16 * s - k[at];
      r[at] = Math.abs(p[i] - y[at]);
      for (let j = 0; j < 5; j++) errors[5 * c + j] += Math.abs(guesses[5 * i + j] - y[at]);
      A[contexts[i] * C + c] += 4096 * Math.abs(difference);
      B[contexts[i] * C + c]++;
    });
  }
  return y;
}
