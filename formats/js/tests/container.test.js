import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CODES, content, EMBEDDINGS, EXTENSIONS, FormatError, info, open, PROFILES, read, resolve, SEGMENTS, splitCompanion } from "../src/index.js";
import { bytesOf, described, hexOf, ROOT, unhex, vectors } from "./vectors.js";

const all = vectors("gcx");
/** @param {{name: string}} v */
const fileOf = (v) => bytesOf(`spec/vectors/gcx/${v.name}.gcx`);
/** @param {any} value @returns {any} */
function plain(value) {
  if (value instanceof Uint8Array) return { hex: hexOf(value) };
  if (value instanceof Map) return { map: Array.from(value, ([k, v]) => [k, plain(v)]) };
  return Array.isArray(value) ? value.map(plain) : typeof value === "bigint" ? Number(value) : value;
}

/** @param {import("../src/container.js").Identity} identity */
const model = ({ profile, digest }) => digest ? hexOf(digest) : profile;

for (const v of all.filter((v) => v.error)) {
  test(`gcx/${v.name}`, () => {
    assert.throws(() => {
      const file = read(fileOf(v), { limits: v.limits });
      if (v.operation === "resolve") resolve(file);
      if (v.operation === "unpack") file.segments.forEach(content);
    }, (error) => error instanceof FormatError && error.code === v.error);
  });
}

for (const v of all.filter((v) => !v.error)) {
  test(`gcx/${v.name}`, () => {
    const data = fileOf(v), file = read(data), { header } = file;
    assert.equal(header.identity.name ?? header.identity.id, v.embedding);
    assert.equal(model(header.identity), v.model);
    assert.deepEqual([header.width, header.height, header.progressive], [v.width, v.height, v.progressive]);
    assert.deepEqual(Object.fromEntries(Array.from(header.extensions, ([k, x]) => [k, plain(x)])), v.extensions);
    assert.deepEqual(file.segments.map((s) => [s.type, described(s.body)]), v.segments.map((s) => [s.type, s.body]));
    v.segments.forEach((expected, i) => {
      const { type, body } = file.segments[i];
      if (expected.content !== undefined) assert.deepEqual(described(content(file.segments[i])), expected.content);
      if (type === 4) assert.equal(body[0], expected.depth);
      if (type === 2) {
        const { identity } = splitCompanion(body);
        assert.deepEqual([identity.name ?? identity.id, model(identity)], [expected.embedding, expected.model]);
      }
    });
    const facts = info(file, data.length);
    assert.equal(facts.overhead, v.overhead);
    assert.equal(facts.layout.reduce((at, row) => (assert.equal(row.offset, at), at + row.bytes), 0), data.length);
  });
}

test("each code but unknown-embedding is that of a vector, and the list is the text's", () => {
  const text = readFileSync(`${ROOT}spec/FORMAT.md`, "utf8");
  const section = text.slice(text.indexOf("## 8."), text.indexOf("## 9."));
  const stated = Array.from(section.matchAll(/^\| `([a-z0-9-]+)` \|/gm), (match) => match[1]);
  assert.deepEqual([...CODES], stated);
  for (const code of CODES) assert.ok(all.some((v) => v.error === code), code);
});

test("the registry's rows are those of the text", () => {
  const text = readFileSync(`${ROOT}spec/REGISTRY.md`, "utf8");
  /** @param {string} title */
  const rows = (title) => text.slice(text.indexOf(`## ${title}`)).split("\n## ")[0]
    .split("\n").filter((line) => /^\| \d/.test(line)).map((line) => line.split("|").slice(1, -1).map((c) => c.trim().replaceAll("`", "")));
  const shown = Object.entries(EMBEDDINGS).map(([id, row]) => [id, row.name, row.package]);
  assert.deepEqual(rows("Embeddings").map((row) => row.slice(0, 3)), shown);
  const digests = Array.from(text.matchAll(/^\| (\w+) \| (\d+) \| \w+ \| \S+ \| ([0-9a-f]{64}) \|$/gm), (m) => m.slice(1));
  const known = Object.entries(PROFILES).flatMap(([id, of]) => Object.entries(of).map(([n, sha]) => [EMBEDDINGS[Number(id)].name, n, sha]));
  assert.deepEqual(known.sort(), digests.sort());
  assert.deepEqual(rows("Segment types").map((row) => row.slice(0, 2)), Object.entries(SEGMENTS));
  assert.deepEqual(rows("Extension keys").map((row) => row.slice(0, 2)), Object.entries(EXTENSIONS));
});

test("a progressive file cut short gives its whole segments on request", () => {
  const data = fileOf({ name: "progressive" }), whole = read(data);
  const ends = whole.layout.filter((row) => row.part === "checksum").map((row) => row.offset + row.bytes);
  for (let cut = ends[0]; cut < data.length; cut++) {
    assert.throws(() => read(data.subarray(0, cut)), { code: "truncated" });
    const file = read(data.subarray(0, cut), { partial: true });
    assert.equal(file.segments.length, ends.filter((end) => end <= cut).length - 1);
    assert.equal(file.segments.length + file.missing.length, whole.segments.length);
    assert.equal(file.layout.reduce((sum, row) => sum + row.bytes, 0), cut);
  }
  assert.throws(() => read(data.subarray(0, ends[0] - 1), { partial: true }), { code: "truncated" });
});

test("every single-bit flip is found, with and without a table", () => {
  for (const name of ["minimal", "segments", "extensions", "named", "package"]) {
    const data = fileOf({ name });
    for (let bit = 0; bit < 8 * data.length; bit++) {
      const bad = data.slice();
      bad[bit >> 3] ^= 1 << (bit & 7);
      assert.throws(() => read(bad), FormatError, `${name}: bit ${bit}`);
    }
  }
});

test("open gives what a viewer asks for", () => {
  const file = open(fileOf({ name: "segments" }));
  assert.equal(file.embedding, "webp");
  assert.deepEqual(file.layers.map((l) => new TextDecoder().decode(l)), ["base", "refinement"]);
  assert.equal(file.metadata.icc?.length, 200);
  assert.deepEqual(file.metadata.thumbnail, unhex("ffd8ffd9"));
  assert.deepEqual(file.metadata.alpha, { depth: 8, samples: unhex("0080ff0080ff0080ff0080ff") });
  const other = open(fileOf({ name: "extensions" }));
  assert.deepEqual(other.suggest, { name: "flow", settings: { eta: 0.1, steps: 8, guidance: 1.5 } });
  assert.equal(other.seed, 2n ** 64n - 1n);
  assert.equal(other.metadata.alpha, null);
});

test("what is no Uint8Array is the caller's mistake, not a damaged file", () => {
  const sound = new Uint8Array(bytesOf("spec/vectors/embeddings/ntc/one-sample.gcx"));
  assert.equal(open(sound).embedding, "ntc");
  for (const wrong of [sound.buffer, new DataView(sound.buffer), Array.from(sound), "text", undefined]) {
    assert.throws(() => open(/** @type {any} */ (wrong)), TypeError);
  }
});
