/** Files of spec/vectors/embeddings: symbols equal to the sender's, and payloads that are refused. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { body, isModelOf, ModelError, modelDigest, ntcSymbols, openModel, PayloadError, read, symbolsMatch } from "../src/index.js";
import { bytesOf, digestOf, hexOf, ROOT, vectors } from "./vectors.js";

/** @param {string} name: of a folder of gcodec-base's models */
function model(name) {
  const folder = `plugins/base/src/gcodec_base/models/${name}`;
  const names = readdirSync(ROOT + folder).filter((file) => /\.(json|safetensors)$/.test(file));
  return Object.fromEntries(names.map((file) => [file, bytesOf(`${folder}/${file}`)]));
}

const EMBEDDINGS = {
  jpeg: { symbols: body },
  webp: { symbols: body },
  avif: { symbols: body },
  jxl: { symbols: body },
  ntc: { files: model("ntc"), symbols: ntcSymbols },
};

/** Damage inside a coded picture is for its decoder, which is the viewer's. @param {any} v */
const left = (v) => v["found by"] === "decoder" && v.summary === "half a frame";

for (const [name, { files, symbols }] of Object.entries(EMBEDDINGS)) {
  const folder = `embeddings/${name}`;
  const opened = files && openModel(files);
  for (const v of vectors(folder).filter((v) => !left(v))) {
    test(`${folder}/${v.name}`, async () => {
      const file = read(bytesOf(`spec/vectors/${folder}/${v.name}.gcx`));
      if (v.error) return void await assert.rejects(async () => symbols(file, opened), PayloadError);
      if (files) assert.ok(isModelOf(file.header.identity, modelDigest(files)));
      const got = await symbols(file, opened);
      assert.equal(hexOf(got.symbols.subarray(0, 64)), v.symbols.first);
      assert.deepEqual([got.symbols.length, digestOf(got.symbols)], [v.symbols.bytes, v.symbols.sha256]);
      assert.equal(symbolsMatch(file, got.symbols), true);
    });
  }
}

test("picture files are those of the worked examples", () => {
  for (const [name, file] of [["jpeg", "gray-annex-k"], ["webp", "one-sample"], ["avif", "one-sample"], ["jxl", "one-sample"]]) {
    const text = readFileSync(`${ROOT}spec/embeddings/${name}.md`, "utf8");
    const example = text.trimEnd().split("\n\n").at(-1) ?? "";
    const stated = Array.from(example.matchAll(/^ {4}((?:[0-9A-F]{2} )*[0-9A-F]{2})(?: {2}|$)/gm), (m) => m[1]).join(" ");
    const got = body(read(bytesOf(`spec/vectors/embeddings/${name}/${file}.gcx`)));
    assert.equal(got.type, `image/${name}`);
    assert.equal(Buffer.from(got.bytes).toString("hex"), stated.replaceAll(" ", "").toLowerCase(), name);
  }
});

test("a model that is not the file's, or none, is refused", () => {
  const files = EMBEDDINGS.ntc.files, { identity } = read(bytesOf("spec/vectors/embeddings/ntc/photo.gcx")).header;
  openModel(files, identity);
  assert.throws(() => openModel(files, { ...identity, profile: 1 }), ModelError);
  assert.throws(() => openModel({ "config.json": files["config.json"] }), ModelError);
  assert.throws(() => openModel({ ...files, "config.json": new Uint8Array(3) }), ModelError);
});
