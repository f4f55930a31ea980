import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeCaption } from "../src/captions.js";
import { replay } from "../src/channels.js";
import { readHead } from "../src/diffc.js";
import { replayDithered } from "../src/dithered.js";
import { PayloadError } from "../src/errors.js";
import { content, read } from "../src/index.js";
import { bytesOf, described, unhex, vectors } from "./vectors.js";

const READERS = {
  caption: (v) => decodeCaption(unhex(v.bytes)),
  channel: (v) => replay(v.channel, v.parameters, { seed: BigInt(v.seed), step: v.step, dimensions: v.dimensions }, unhex(v.bits)),
  dithered: (v) => replayDithered(v.width, { seed: BigInt(v.seed), step: v.step }, v, unhex(v.bits)),
  head: (v) => readHead(unhex(v.bytes)),
};

for (const v of vectors("refused")) test(`refused/${v.name}`, () => assert.throws(() => READERS[v.what](v), PayloadError));

test("heads of diffc", () => {
  assert.deepEqual(readHead(unhex("a0ff")), { channel: "trellis", parameters: { memory: 14 }, fixed: true, bytes: 1 });
  assert.deepEqual(readHead(unhex("c2ff")), { channel: "antipodal", parameters: { memory: 16 }, fixed: true, bytes: 1 });
  assert.deepEqual(readHead(unhex("b4ff")), { channel: "folded", parameters: { memory: 19 }, fixed: true, bytes: 1 });
  assert.deepEqual(readHead(unhex("a1ff")).parameters, { chunk: 16, padding: 2, fresh: false });
  const named = new Uint8Array([0x1f, 17, ...new TextEncoder().encode("acme/mine:depth=4"), 7]);
  assert.deepEqual(readHead(named), { channel: "acme/mine", parameters: { depth: "4" }, fixed: false, bytes: 19 });
});

for (const v of vectors("truncated"))
  test(`truncated/${v.name}`, () => {
    const get = () => read(bytesOf(`spec/vectors/truncated/${v.name}.gcx`), { partial: true });
    if (v.error) return void assert.throws(get, { code: v.error });
    const file = get();
    assert.deepEqual(file.segments.map(({ type, body }) => ({ type, body: described(body) })), v.segments);
    assert.deepEqual(file.missing, v.missing);
    file.segments.forEach(content);
  });
