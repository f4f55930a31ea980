import assert from "node:assert/strict";
import { test } from "node:test";

import { ModelError } from "../src/errors.js";
import * as integer from "../src/integer.js";
import { readSafetensors } from "../src/model.js";
import { modelOf, vectors } from "./vectors.js";

/** Nested lists of any depth as one. @param {any} x @returns {number[]} */
const flat = (x) => [x].flat(Infinity);
/** @param {any[][][]} x @returns {integer.Grid} */
const grid = (x) => ({ data: Float64Array.from(flat(x)), h: x.length, w: x[0].length, C: x[0][0].length });
/** @param {number} x */
const plus0 = (x) => x + 0;

/** @param {any} v */
function layerOf(v) {
  const weight = v.weight ?? v.runs.flatMap(([value, times]) => new Array(times).fill([value]));
  const tensors = modelOf({ "L.weight": ["I16", weight], "L.bias": ["I32", v.bias], "L.shift": ["I32", [v.shift]] }).tensors;
  return integer.readLayer(tensors, "L", weight.length, weight[0].length, v.bias.length);
}

const KINDS = {
  layer: async (v) => {
    if (v.error) return void assert.throws(() => layerOf(v), ModelError);
    const layer = layerOf(v);
    if (!v.inputs) return;
    const x = Float64Array.from(flat(v.inputs));
    assert.deepEqual(Array.from(await integer.sums(layer, x, v.level, integer.matmul), plus0), flat(v.sums));
    assert.deepEqual(Array.from(await integer.hidden(layer, x, v.level, integer.matmul), plus0), flat(v.hidden));
  },
  level: (v) => v.levels.forEach((level, i) =>
    assert.deepEqual(Array.from(integer.atLevel(flat(v.knots), v.knots.length, level), plus0), v.rows[i])),
  neighbourhoods: (v) => {
    const array = grid(v.array), positions = Array.from({ length: array.h * array.w }, (_, i) => i);
    assert.deepEqual(Array.from(integer.neighbourhoods([{ grid: array, side: v.side }], positions)), flat(v.answer));
  },
  features: (v) => assert.deepEqual(Array.from(integer.features(grid(v.values), v.magnitude).data, plus0), flat(v.answer)),
  told: (v) => {
    const { mean, scale } = integer.told(Float64Array.from(v.sums), v.mean.length, v.shift);
    assert.deepEqual(Array.from(mean, plus0), v.mean);
    assert.deepEqual([...scale], v.scale);
  },
  model: async (v) => {
    const tensors = Object.entries(v.tensors).map(([name, x]) => [name, [/weight|magnitude/.test(name) ? "I16" : "I32", x]]);
    const model = integer.readGroups({ ...modelOf(Object.fromEntries(tensors)), config: { entropy: v.entropy } });
    const got = await integer.decodeGroups(model, v.h, v.w, v.level, (batch, mean, scale) => {
      assert.deepEqual(Array.from(mean, plus0), flat(v.batches[batch].mean));
      assert.deepEqual([...scale], flat(v.batches[batch].scale));
      return Float64Array.from(flat(v.batches[batch].symbols), (s, i) => 16 * s + mean[i]);
    });
    assert.deepEqual(Array.from(got.hyper.data, plus0), flat(v.hyper_latents));
    assert.deepEqual(Array.from(got.latents.data, plus0), flat(v.latents));
  },
};

for (const v of vectors("integer")) test(`integer/${v.name}`, () => KINDS[v.kind](v));

test("a product of matrices of any sizes", () => {
  for (const [m, k, n] of [[1, 1, 1], [3, 5, 2], [4, 8, 3], [5, 9, 1]]) {
    const a = Float64Array.from({ length: m * k }, (_, i) => i * i - 7 * i), b = Float64Array.from({ length: k * n }, (_, i) => 3 - i);
    const c = integer.matmul(a, b, m, k, n);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) sum += a[i * k + p] * b[p * n + j];
        assert.equal(c[i * n + j], sum);
      }
  }
});

test("bytes that are no safetensors file are refused", () => {
  for (const text of ["", "short", "\x02\0\0\0\0\0\0\0[", "\x09\0\0\0\0\0\0\0{\"a\":{}}"])
    assert.throws(() => readSafetensors(new TextEncoder().encode(text)), ModelError, JSON.stringify(text));
});
