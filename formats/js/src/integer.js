/**
 * Integer networks: INTEGER.md. Integers are carried in binary64, where all of them are exact.
 * An array is {data, h, w, C} in C order; a layer's weights [inputs, outputs].
 */
import { ModelError } from "./errors.js";

/**
 * @typedef {{data: Float64Array, h: number, w: number, C: number}} Grid
 * @typedef {{weight: Float64Array, bias: Float64Array, knots: number, shift: number, inputs: number, outputs: number}} Layer
 * @typedef {(a: Float64Array, b: Float64Array, m: number, k: number, n: number) => Float64Array | Promise<Float64Array>} Matmul
 *   the product [m, n] of a [m, k] and b [k, n]; b is the same object for the same layer
 */

/**
 * @typedef {{positions: number[], from: number, C: number}} Place
 * @typedef {(batch: number, mean: Float64Array, scale: Int32Array, place: Place) => Float64Array | Promise<Float64Array>} Values
 */

const TOP = 2 ** 21;

/** @param {number} x @param {number} low @param {number} high */
export const clip = (x, low, high) => (x < low ? low : x > high ? high : x);

/** Two rows and four inputs at a time. @type {Matmul} */
export function matmul(a, b, m, k, n) {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i += 2) {
    // the last row of an odd number is made twice
    const r = i * n, s = Math.min(i + 1, m - 1) * n, x = i * k, y = Math.min(i + 1, m - 1) * k, one = r === s;
    let p = 0;
    for (; p + 4 <= k; p += 4) {
      const x0 = a[x + p], x1 = a[x + p + 1], x2 = a[x + p + 2], x3 = a[x + p + 3];
      const y0 = one ? 0 : a[y + p], y1 = one ? 0 : a[y + p + 1], y2 = one ? 0 : a[y + p + 2], y3 = one ? 0 : a[y + p + 3];
      const o0 = p * n, o1 = o0 + n, o2 = o1 + n, o3 = o2 + n;
      for (let j = 0; j < n; j++) {
        const b0 = b[o0 + j], b1 = b[o1 + j], b2 = b[o2 + j], b3 = b[o3 + j];
        c[r + j] += x0 * b0 + x1 * b1 + x2 * b2 + x3 * b3;
        c[s + j] += y0 * b0 + y1 * b1 + y2 * b2 + y3 * b3;
      }
    }
    for (; p < k; p++)
      for (let j = 0; j < n; j++) {
        c[r + j] += a[x + p] * b[p * n + j];
        if (!one) c[s + j] += a[y + p] * b[p * n + j];
      }
  }
  return c;
}

/** The row of knots [K, N] at a level, 0 to 255 (section 2). @param {ArrayLike<number>} knots @param {number} K @param {number} level */
export function atLevel(knots, K, level) {
  const N = knots.length / K, p = level * (K - 1), k = Math.floor(p / 255), part = p % 255, next = Math.min(k + 1, K - 1);
  return Float64Array.from({ length: N }, (_, n) => Math.floor((knots[k * N + n] * (255 - part) + knots[next * N + n] * part) / 255));
}

/** A layer of a model, its bounds checked (section 4). @param {import("./model.js").Tensors} tensors @param {string} name @param {number} inputs @param {number} outputs @param {number} knots @returns {Layer} */
export function readLayer(tensors, name, inputs, outputs, knots) {
  const weight = Float64Array.from(tensors.get(`${name}.weight`, "I16", [inputs, outputs]));
  const bias = Float64Array.from(tensors.get(`${name}.bias`, "I32", [knots, outputs]));
  const [shift] = tensors.get(`${name}.shift`, "I32", [1]);
  const most = new Float64Array(outputs), bounds = new Float64Array(outputs);
  bias.forEach((x, i) => { most[i % outputs] = Math.max(most[i % outputs], Math.abs(x)); });
  weight.forEach((x, i) => { bounds[i % outputs] += TOP * Math.abs(x); });
  if (shift < 0 || shift > 24 || bounds.some((bound, j) => bound + most[j] >= 2 ** 50))
    throw new ModelError(`the layer ${name} is beyond the bounds of exact arithmetic`);
  return { weight, bias, knots, shift, inputs, outputs };
}

/** [m, outputs] of activations x [m, inputs]. @param {Layer} layer @param {Float64Array} x @param {number} level @param {Matmul} multiply */
export async function sums(layer, x, level, multiply) {
  const { weight, bias, knots, inputs, outputs } = layer, m = x.length / inputs;
  if (!m) return new Float64Array(0);
  const out = await multiply(x, weight, m, inputs, outputs), row = atLevel(bias, knots, level);
  for (let i = 0, at = 0; i < m; i++) for (let j = 0; j < outputs; j++) out[at++] += row[j];
  return out;
}

/** Activations again. @param {Layer} layer @param {Float64Array} x @param {number} level @param {Matmul} multiply */
export async function hidden(layer, x, level, multiply) {
  const out = await sums(layer, x, level, multiply), unit = 2 ** layer.shift;
  for (let i = 0; i < out.length; i++)
    out[i] = clip(Math.floor((out[i] < 0 ? Math.floor(out[i] / 8) : out[i]) / unit + 0.5), -TOP, TOP);
  return out;
}

/**
 * The neighbourhoods of all inputs at the positions (row w + column), one after the other (section 5).
 * @param {{grid: Grid, side: number}[]} inputs @param {ArrayLike<number>} positions
 */
export function neighbourhoods(inputs, positions) {
  const width = inputs.reduce((sum, { grid, side }) => sum + side * side * grid.C, 0);
  const out = new Float64Array(positions.length * width);
  let column = 0;
  for (const { grid: { data, h, w, C }, side } of inputs) {
    const reach = (side - 1) / 2;
    for (let i = 0; i < positions.length; i++) {
      const row = Math.floor(positions[i] / w), left = positions[i] % w;
      let at = i * width + column;
      for (let y = row - reach; y <= row + reach; y++)
        for (let x = left - reach; x <= left + reach; x++, at += C)
          if (y >= 0 && y < h && x >= 0 && x < w) {
            const from = (y * w + x) * C;
            for (let c = 0; c < C; c++) out[at + c] = data[from + c];
          }
    }
    column += side * side * C;
  }
  return out;
}

/** Channels 4 c + 2 i + j at (y, x) become c at (2 y + i, 2 x + j), of h rows and w columns. @param {Grid} grid @param {number} h @param {number} w @returns {Grid} */
export function enlarged(grid, h, w) {
  const C = grid.C / 4, data = new Float64Array(h * w * C);
  for (let at = 0; at < h * w; at++) {
    const y = Math.floor(at / w), x = at % w, from = ((y >> 1) * grid.w + (x >> 1)) * grid.C + 2 * (y & 1) + (x & 1);
    for (let c = 0; c < C; c++) data[at * C + c] = grid.data[from + 4 * c];
  }
  return { data, h, w, C };
}

/** Positions with the same column + slope x row, by ascending row; all of them, by ascending sum. @param {number} h @param {number} w @param {number} slope */
export function* diagonals(h, w, slope) {
  for (let t = 0; t < w + slope * (h - 1); t++) {
    const first = Math.max(0, Math.ceil((t - w + 1) / slope)), last = Math.min(h - 1, Math.floor(t / slope));
    if (last >= first) yield Array.from({ length: last - first + 1 }, (_, i) => (first + i) * w + t - slope * (first + i));
  }
}

/** Section 6. @param {Grid} values @param {ArrayLike<number>} magnitude @returns {Grid} */
export function features({ data, h, w, C }, magnitude) {
  const out = new Float64Array(2 * data.length), last = magnitude.length - 1;
  for (let i = 0; i < data.length; i++) {
    const at = Math.floor(i / C) * 2 * C + (i % C);
    out[at] = 64 * clip(data[i], -64, 64);
    out[at + C] = 64 * magnitude[Math.min(Math.abs(data[i]), last)];
  }
  return { data: out, h, w, C: 2 * C };
}

/** Means and scales of `sums` [m, 2 C] of a layer `out` with this shift (section 7). @param {Float64Array} sums @param {number} C @param {number} shift */
export function told(sums, C, shift) {
  const one = 2 ** (10 + shift), m = sums.length / (2 * C);
  const mean = new Float64Array(m * C), scale = new Int32Array(m * C);
  for (let i = 0; i < m; i++)
    for (let c = 0; c < C; c++) {
      mean[i * C + c] = clip(Math.floor((16 * sums[2 * i * C + c]) / one + 0.5), -16384, 16384);
      scale[i * C + c] = clip(Math.floor((6 * sums[(2 * i + 1) * C + c] + 30 * one) / one + 0.5), 0, 66);
    }
  return { mean, scale };
}

/** The model of section 8, read and checked. @param {import("./model.js").Model} model */
export function readGroups({ tensors, config }) {
  const { groups, hyper: N, features: F, width: W, reduced, knots: K } = config?.entropy ?? {};
  const whole = (/** @type {unknown[]} */ ...n) => n.every((x) => Number.isInteger(x) && Number(x) > 0);
  if (!Array.isArray(groups) || groups.length !== 4 || !Array.isArray(reduced) || reduced.length !== 2
    || !whole(N, F, W, K, ...groups, ...reduced)) throw new ModelError("config.json does not hold the sizes of `entropy`");
  const [g0, g1, g2] = groups, near = F + 18 * g0;
  const inputs = [F, near, near, near + 18 * g1, near + 9 * reduced[0], F + 2 * g0 + 9 * reduced[0] + 9 * reduced[1]];
  /** @param {string} name @param {number} from @param {number} to @param {number} [knots] */
  const layer = (name, from, to, knots = 1) => readLayer(tensors, `integer.${name}`, from, to, knots);
  const prior = tensors.get("integer.prior", "I32", [K, 2 * N]);
  return {
    groups, N, F, K, prior,
    magnitude: tensors.get("integer.magnitude", "I16", [null]),
    decode: [layer("decode1", 9 * N, W, K), layer("decode2", W, 4 * F)],
    reduce: [layer("reduce1", 2 * g1, reduced[0]), layer("reduce2", 2 * g2, reduced[1])],
    heads: inputs.map((from, i) => ({
      first: layer(`head${i}.first`, from, W, K),
      hidden: layer(`head${i}.hidden`, W, W),
      out: layer(`head${i}.out`, W, 2 * groups[[0, 0, 1, 1, 2, 3][i]], K),
    })),
  };
}

/**
 * Hyper-latents and latents in seven batches (section 8). `values` gives, or promises, what a batch holds, when
 * it is told means and scales, at which positions, and which channels (from, of how many).
 * @param {ReturnType<typeof readGroups>} model @param {number} h @param {number} w @param {number} level
 * @param {Values} values
 * @param {Matmul} [multiply]
 */
export async function decodeGroups(model, h, w, level, values, multiply = matmul) {
  const { groups, N, F, magnitude } = model, hh = Math.ceil(h / 2), ww = Math.ceil(w / 2);
  const row = atLevel(model.prior, model.K, level);
  if (row.subarray(N).some((scale) => scale < 0 || scale > 66)) throw new ModelError("a scale of the prior is beyond the tables");
  const prior = { mean: new Float64Array(hh * ww * N), scale: new Int32Array(hh * ww * N) };
  prior.mean.forEach((_, i) => {
    prior.mean[i] = row[i % N];
    prior.scale[i] = row[N + (i % N)];
  });
  const all = Array.from({ length: h * w }, (_, i) => i), coarse = all.slice(0, hh * ww);
  const z = await values(0, prior.mean, prior.scale, { positions: coarse, from: 0, C: N });
  /** @type {Grid} */
  const seen = { data: z.map((v) => clip(64 * v, -TOP, TOP)), h: hh, w: ww, C: N };
  const inner = await hidden(model.decode[0], neighbourhoods([{ grid: seen, side: 3 }], coarse), level, multiply);
  const u = await hidden(model.decode[1], inner, level, multiply);
  const H = enlarged({ data: u, h: hh, w: ww, C: 4 * F }, h, w);

  const parts = groups.map((C) => ({ data: new Float64Array(h * w * C), h, w, C }));
  const f = (/** @type {number} */ k) => features(parts[k], magnitude);
  /** @param {0 | 1} k @returns {Promise<Grid>} R1 or R2 */
  const reduced = async (k) => {
    const layer = model.reduce[k];
    return { data: await hidden(layer, f(k + 1).data, level, multiply), h, w, C: layer.outputs };
  };
  const even = all.filter((at) => (Math.floor(at / w) + (at % w)) % 2 === 0), odd = all.filter((at) => (Math.floor(at / w) + (at % w)) % 2);
  /** @param {number} batch @param {number} group @param {number[]} positions @param {[Grid, number][]} inputs */
  const decode = async (batch, group, positions, inputs) => {
    const head = model.heads[batch - 1], C = groups[group], from = groups.slice(0, group).reduce((x, y) => x + y, 0);
    const near = neighbourhoods(inputs.map(([grid, side]) => ({ grid, side })), positions);
    const x = await hidden(head.first, near, level, multiply), y = await hidden(head.hidden, x, level, multiply);
    const { mean, scale } = told(await sums(head.out, y, level, multiply), C, head.out.shift);
    const got = await values(batch, mean, scale, { positions, from, C });
    positions.forEach((at, i) => parts[group].data.set(got.subarray(i * C, (i + 1) * C), at * C));
  };
  await decode(1, 0, even, [[H, 1]]);
  await decode(2, 0, odd, [[H, 1], [f(0), 3]]);
  await decode(3, 1, even, [[H, 1], [f(0), 3]]);
  await decode(4, 1, odd, [[H, 1], [f(0), 3], [f(1), 3]]);
  const r1 = await reduced(0);
  await decode(5, 2, all, [[H, 1], [f(0), 3], [r1, 3]]);
  await decode(6, 3, all, [[H, 1], [f(0), 1], [r1, 3], [await reduced(1), 3]]);

  const C = groups.reduce((x, y) => x + y, 0), latents = new Float64Array(h * w * C);
  let column = 0;
  for (const part of parts) {
    for (const at of all) latents.set(part.data.subarray(at * part.C, (at + 1) * part.C), at * C + column);
    column += part.C;
  }
  return { hyper: { data: z, h: hh, w: ww, C: N }, latents: { data: latents, h, w, C } };
}

/** Values from a stream where a value is 16 symbol + mean. @param {import("./entropy.js").Stream} stream @param {import("./entropy.js").Table[]} tables @returns {Values} */
export const fromStream = (stream, tables) => (batch, mean, scale) =>
  stream.batch(tables, batch ? scale : scale.map((s) => s + 67)).map((s, i) => 16 * s + mean[i]);
