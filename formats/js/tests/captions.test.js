import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeCaption, encodeCaption } from "../src/captions.js";
import { PayloadError } from "../src/errors.js";
import { unhex, vectors } from "./vectors.js";

for (const v of vectors("captions")) {
  test(`captions/${v.name}`, () => {
    assert.equal(decodeCaption(unhex(v.bytes)), v.text);
    assert.deepEqual(encodeCaption(v.text), unhex(v.bytes));
  });
}

test("bytes that a writer would not have made are refused", () => {
  const { bytes } = vectors("captions").find((v) => v.name === "english") ?? assert.fail();
  for (const bad of [unhex(bytes + "00"), unhex(`${bytes}17`), unhex("00"), unhex("ff".repeat(40))])
    assert.throws(() => decodeCaption(bad), PayloadError);
});
