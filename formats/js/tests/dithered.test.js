import assert from "node:assert/strict";
import { test } from "node:test";

import { replayDithered } from "../src/dithered.js";
import { PayloadError } from "../src/errors.js";
import { unhex, vectors } from "./vectors.js";

for (const v of vectors("dithered")) {
  const where = { seed: BigInt(v.seed), step: v.step };
  test(`dithered/${v.name}`, () => {
    assert.deepEqual(Array.from(replayDithered(v.width, where, v, unhex(v.bits))), v.twice);
  });
  test(`dithered/${v.name}, one byte more`, () => {
    assert.throws(() => replayDithered(v.width, where, v, unhex(`${v.bits}01`)), PayloadError);
  });
}
