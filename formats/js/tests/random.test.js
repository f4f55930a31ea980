import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as random from "../src/random.js";
import { ROOT, vectors } from "./vectors.js";

const KINDS = { bits: random.bits, normal: random.normals, uniform: random.uniforms, dither: random.dither, signs: random.signs };

for (const v of vectors("randomness")) {
  test(`randomness/${v.name}`, () => {
    const hash = createHash("sha256"), first = [];
    for (const b of [v.b].flat()) {
      const row = { seed: BigInt(v.seed), domain: v.domain, a: v.a, b };
      const got = v.kind === "permutation" ? random.permutation(row, v.n)
        : KINDS[v.kind](row, v.start, v.shape.reduce((x, y) => x * y, 1));
      first.push(...got.subarray(0, 16));
      const stored = v.stored === "<u4" ? Uint32Array.from(got)
        : v.stored === "<i8" ? BigInt64Array.from(got, BigInt) : Float32Array.from(got, (x) => x / v.denominator);
      hash.update(new Uint8Array(stored.buffer));
    }
    assert.deepEqual(first.slice(0, v.first.length), v.first);
    assert.equal(hash.digest("hex"), v.sha256);
  });
}

test("the known answers of the generator", () => {
  for (const line of readFileSync(`${ROOT}spec/vectors/randomness/philox4x32_10.txt`, "utf8").split("\n")) {
    if (!line || line.startsWith("#")) continue;
    const [c0, c1, c2, c3, k0, k1, ...out] = line.trim().split(/ +/).map((word) => parseInt(word, 16));
    const row = { seed: (BigInt(k1) << 32n) | BigInt(k0), domain: c3, a: c2, b: c1 };
    assert.deepEqual([...random.bits(row, 4 * c0, 4)], out);
  }
});
