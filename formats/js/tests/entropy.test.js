import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { modelTables, Stream, tableOf } from "../src/entropy.js";
import { ModelError, PayloadError } from "../src/errors.js";
import { modelOf, unhex, vectors } from "./vectors.js";

/** @param {any} v @returns {number[][]} symbols, batch by batch */
function decode(v) {
  const stream = new Stream(unhex(v.stream)), tables = v.tables.map(tableOf);
  const got = v.kind === "plain" ? [tables.map((t) => stream.read(t))]
    : v.batches.map((batch) => Array.from(stream.batch(tables, batch.tables)));
  stream.finish();
  return got;
}

for (const v of vectors("entropy")) {
  test(`entropy/${v.name}`, () => {
    if (v.error) return void assert.throws(() => decode(v), PayloadError);
    const got = decode(v), wanted = v.kind === "plain" ? [v] : v.batches;
    wanted.forEach((batch, i) => {
      if (batch.symbols) return void assert.deepEqual(got[i].map((s) => s + 0), batch.symbols);
      assert.deepEqual(got[i].slice(0, 16).map((s) => s + 0), batch.first);
      const stored = new Uint8Array(Int32Array.from(got[i]).buffer);
      assert.equal(createHash("sha256").update(stored).digest("hex"), batch.sha256);
    });
  });
}

test("tables of a model", () => {
  const tensors = (length, values) => modelOf({ "tables.length": ["I32", length], "tables.values": ["I32", values] }).tensors;
  const half = 2 ** 23;
  assert.deepEqual(modelTables(tensors([2, 4], [half, half, half, half, 0, 0])).map((t) => [...t]), [[0, half, 2 ** 24], [0, half, 2 ** 24]]);
  for (const [length, values] of [[[2], [half, half, 1]], [[3], [half, half, 0]], [[2], [half, half - 1]], [[4], [half, 0, 0, half]], [[2, 2], [half, half]]])
    if (length[0] !== 3) assert.throws(() => modelTables(tensors(length, values)), ModelError);
});
