import assert from "node:assert/strict";
import { test } from "node:test";

import { Stream } from "../src/entropy.js";
import { matmul } from "../src/integer.js";
import { ModelError, ntcSymbols } from "../src/index.js";
import { decodeZoo } from "../src/zoo.js";
import { modelOf, unhex, vectors } from "./vectors.js";

/** @param {any} v @param {Record<string, any>} [more] */
function modelFrom(v, more = {}) {
  const tensors = Object.entries({ ...v.tensors, ...more });
  const typed = tensors.map(([name, list]) => [name, [name.endsWith("weight") ? "I16" : "I32", list]]);
  const { architecture, N, M } = v;
  return { ...modelOf(Object.fromEntries(typed)), config: { _class_name: "CompressAIModel", architecture, N, M } };
}

const all = vectors("zoo");
for (const v of all)
  test(`zoo/${v.name}`, async () => {
    const stream = new Stream(unhex(v.stream));
    const { hyper, latents } = await decodeZoo(modelFrom(v), stream, v.level, v.height, v.width, matmul);
    stream.finish();
    assert.deepEqual(Array.from(hyper.data, (s) => s + 0), v.hyper_symbols.flat(Infinity));
    assert.deepEqual(Array.from(latents.data, (s) => s + 0), v.latents.flat(Infinity));
    // the same by way of a file
    const body = new Uint8Array([v.level, 9, ...unhex(v.stream)]), header = { width: v.width, height: v.height, identity: { id: 16 } };
    const got = await ntcSymbols(/** @type {any} */ ({ header, segments: [{ type: 0, body }] }), modelFrom(v));
    assert.deepEqual(got.latents.data, latents.data);
  });

test("a model with a tensor more, or one less, is refused", async () => {
  const v = all.find((x) => x.name === "context"), stream = new Stream(new Uint8Array(0));
  await assert.rejects(decodeZoo(modelFrom(v, { "integer.more": [1] }), stream, 0, 1, 1, matmul), ModelError);
  const { ["integer.bound"]: _, ...rest } = v.tensors;
  await assert.rejects(decodeZoo(modelFrom({ ...v, tensors: rest }), stream, 0, 1, 1, matmul), ModelError);
});
