/** `ntc` under models of the CompressAI zoo: spec/embeddings/ntc_zoo.md. Latents are in 2^-12. */
import { modelTables } from "./entropy.js";
import { ModelError } from "./errors.js";
import { clip, diagonals, enlarged, neighbourhoods, readLayer, sums } from "./integer.js";
import { prepared } from "./model.js";

/** @typedef {import("./integer.js").Layer} Layer @typedef {import("./integer.js").Matmul} Matmul @typedef {import("./integer.js").Grid} Grid */

const HYPER = { h_s: 3, enlarging: [0, 1], means: true, context: false };
/** @type {Record<string, typeof HYPER | null>} what an architecture has; null without hyper-latents */
const ARCHITECTURES = {
  "bmshj2018-factorized": null, "bmshj2018-factorized-relu": null, "bmshj2018-hyperprior": { ...HYPER, means: false },
  "mbt2018-mean": HYPER, mbt2018: { ...HYPER, context: true },
  "cheng2020-anchor": { h_s: 5, enlarging: [1, 3], means: true, context: true },
  "cheng2020-attn": { h_s: 5, enlarging: [1, 3], means: true, context: true },
};
const TOP = 2 ** 21, FAR = 2 ** 30, BEFORE = [-2, -1, 0].flatMap((dy) => [-2, -1, 0, 1, 2].map((dx) => [dy, dx])).slice(0, 12);

const MODELS = prepared(({ tensors, config }) => {
  const { architecture, N, M } = config;
  if (!Object.hasOwn(ARCHITECTURES, architecture) || !(N > 0 && M > 0)) throw new ModelError(`no architecture ${architecture}`);
  const kind = ARCHITECTURES[architecture], median = tensors.get("integer.median", "I32", [kind ? N : M]);
  const expected = new Set(["integer.median"]);
  /** @param {string} name @param {number} inputs @param {number} [outputs] */
  const layer = (name, inputs, outputs = tensors.shape(`integer.${name}.weight`)[1] ?? 0) => {
    for (const part of ["weight", "bias", "shift"]) expected.add(`integer.${name}.${part}`);
    return readLayer(tensors, `integer.${name}`, inputs, outputs, 1);
  };
  /** @type {Layer[]} */
  const h_s = [];
  let channels = N, told = 0, scales = new Float64Array(0), bound = 0;
  if (kind) {
    for (let i = 0; i < kind.h_s; i++) {
      h_s.push(layer(`h_s${i}`, 9 * channels));
      channels = h_s[i].outputs / (kind.enlarging.includes(i) ? 4 : 1);
    }
    told = (kind.means ? 2 : 1) * M;
    if (channels !== told) throw new ModelError(`h_s tells ${channels} numbers, not ${told}`);
    scales = Float64Array.from(tensors.get("integer.scales", "I32", [null]));
    [bound] = tensors.get("integer.bound", "I32", [1]);
    expected.add("integer.scales").add("integer.bound");
  }
  const S = scales.length + 1, context = kind?.context ? layer("context", 12 * M) : null, parameters = [];
  for (let i = 0, from = told + (context?.outputs ?? 0); context && i < 3; i++) {
    parameters.push(layer(`parameters${i}`, from, i === 2 ? 2 * M : undefined));
    from = parameters[i].outputs;
  }
  const more = [...tensors.map.keys()].filter((name) => name.startsWith("integer.") && !expected.has(name));
  if (more.length) throw new ModelError(`the model has ${more[0]} besides`);
  return { kind, N, M, median, h_s, told, scales, bound, S, context, parameters, tables: modelTables(tensors, kind ? S + N : 33 * M) };
});

/** @param {Layer} layer @param {Float64Array} x @param {(s: number) => number} bend @param {number} times @param {number} most @param {Matmul} multiply */
async function activations(layer, x, bend, times, most, multiply) {
  const out = await sums(layer, x, 0, multiply), unit = 2 ** layer.shift;
  return out.map((s) => clip(Math.floor((times * bend(s)) / unit + 0.5), -most, most));
}

const same = (/** @type {number} */ s) => s, leaky = (/** @type {number} */ s) => Math.max(s, Math.floor(s / 100));

/**
 * @param {import("./model.js").Model} model @param {import("./entropy.js").Stream} stream @param {number} level
 * @param {number} H @param {number} W @param {Matmul} multiply
 */
export async function decodeZoo(model, stream, level, H, W, multiply) {
  const { kind, N, M, median, h_s, told, scales, bound, S, context, parameters, tables } = MODELS(model);
  const f = kind ? 64 : 16, h = (f / 16) * Math.ceil(H / f), w = (f / 16) * Math.ceil(W / f), l = kind ? level : 8 * Math.floor((level + 4) / 8);
  const Delta = Math.round(4096 * 8 ** ((128 - l) / 128)), latents = { data: new Float64Array(h * w * M), h, w, C: M };
  /** @param {number} symbol @param {number} mean */
  const value = (symbol, mean) => clip(Delta * symbol + mean, -FAR, FAR);
  if (!kind) {
    const read = stream.batch(tables, latents.data.map((_, i) => (l / 8) * M + (i % M)));
    return { hyper: { data: new Float64Array(0), h: 0, w: 0, C: 0 }, latents: { ...latents, data: read.map((s, i) => value(s, 4 * median[i % M])) } };
  }
  const data = stream.batch(tables, Float64Array.from({ length: (h * w * N) / 16 }, (_, i) => S + (i % N)));
  const hyper = { data, h: h / 4, w: w / 4, C: N };
  /** @type {Grid} */
  let x = { ...hyper, data: data.map((s, i) => clip(1024 * s + median[i % N], -TOP, TOP)) };
  for (const [i, layer] of h_s.entries()) {
    const last = i === h_s.length - 1, all = Array.from({ length: x.h * x.w }, (_, at) => at);
    const bend = last ? same : kind.means ? leaky : (/** @type {number} */ s) => Math.max(s, 0);
    const near = neighbourhoods([{ grid: x, side: 3 }], all), wide = last && !context;
    x = { ...x, data: await activations(layer, near, bend, wide ? 4 : 1, wide ? FAR : TOP, multiply), C: layer.outputs };
    if (kind.enlarging.includes(i)) x = enlarged(x, 2 * x.h, 2 * x.w);
  }
  const limits = scales.map((s) => Math.floor((s * Delta) / 4096));
  /** @param {number} d */
  const tableOf = (d) => limits.filter((limit) => limit < Math.max(d, bound)).length;
  /** @param {number[]} positions @param {Float64Array} numbers: `per` for each position, deviations first @param {number} per */
  const read = (positions, numbers, per) => {
    const which = positions.flatMap((_, n) => Array.from(numbers.subarray(n * per, n * per + M), tableOf));
    stream.batch(tables, which).forEach((s, i) => {
      const n = Math.floor(i / M), c = i % M;
      latents.data[positions[n] * M + c] = value(s, per > M ? numbers[n * per + M + c] : 0);
    });
  };
  if (!context) {
    read(Array.from({ length: h * w }, (_, i) => i), x.data, told);
    return { hyper, latents };
  }
  for (const positions of diagonals(h, w, 3)) {
    const a = Float64Array.from(positions.flatMap((at) => BEFORE.flatMap(([dy, dx]) => {
      const row = Math.floor(at / w) + dy, column = (at % w) + dx, inside = row >= 0 && column >= 0 && column < w;
      return Array.from({ length: M }, (_, c) => (inside ? clip(Math.floor(latents.data[(row * w + column) * M + c] / 4 + 0.5), -TOP, TOP) : 0));
    })));
    const b = await activations(context, a, same, 1, TOP, multiply), from = told + context.outputs;
    let y = new Float64Array(positions.length * from);
    positions.forEach((at, n) => {
      y.set(x.data.subarray(at * told, (at + 1) * told), n * from);
      y.set(b.subarray(n * context.outputs, (n + 1) * context.outputs), n * from + told);
    });
    for (const layer of parameters.slice(0, 2)) y = Float64Array.from(await activations(layer, y, leaky, 1, TOP, multiply));
    read(positions, await activations(parameters[2], y, same, 4, FAR, multiply), 2 * M);
  }
  return { hyper, latents };
}
