import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { replay } from "../src/channels.js";
import { unhex, vectors } from "./vectors.js";

for (const v of vectors("channels")) {
  test(`channels/${v.name}`, () => {
    const where = { seed: BigInt(v.seed), step: v.step, dimensions: v.dimensions };
    const z = replay(v.channel, v.parameters, where, unhex(v.bits));
    assert.deepEqual(Array.from(z.subarray(0, v.first.length), (x) => x * v.denominator), v.first);
    assert.equal(createHash("sha256").update(new Uint8Array(z.buffer)).digest("hex"), v.sha256);
  });
}
