/** Files of spec/vectors/embeddings: symbols equal to the sender's, what else the texts say, and payloads that are refused. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import * as gcx from "../src/index.js";
import { bytesOf, digestOf, hexOf, ROOT, vectors } from "./vectors.js";

/** @param {string} name: of a folder of gcodec-base's models */
function model(name) {
  const folder = `plugins/base/src/gcodec_base/models/${name}`;
  const names = readdirSync(ROOT + folder).filter((file) => /\.(json|safetensors)$/.test(file));
  return Object.fromEntries(names.map((file) => [file, bytesOf(`${folder}/${file}`)]));
}

/** Where the file names another model than the entropy model, its latents are those of `base/autoencoder`. */
const quantized = (file, entropy) => gcx.ldmQuantSymbols(file, file.header.identity.digest ? { C: 32, f: 8 } : entropy);

const pictures = (v, got) => {
  assert.deepEqual([got.bytes.length, digestOf(got.bytes)], [v.restored.bytes, v.restored.sha256]);

};

const latent = (v, { latents, binWidth, u }) => {
  assert.ok(Math.abs(binWidth - v["bin width"]) < 1e-6);
  const { data, C, w, k } = latents;
  for (const [c, y, x, value] of v.latent) {
    const at = (y * w + x) * C + c, units = u ? (data[at] + k[at]) / 16 - u[at] / 2 ** 24 : data[at] / 16;
    assert.ok(Math.abs(binWidth * units - value) < 1e-5);
  }
};

const steps = (v, got) => {
  assert.deepEqual(got.steps.map((s) => [s.bytes, s.error, hexOf(s.bits)]), v.steps);
  got.steps.forEach((s, i) => assert.ok(Math.abs(s.snr / v.snr[i] - 1) < 1e-12));
  got.steps.forEach((s, i) => {
    const z = s.z();
    v.z[i].forEach((said, k) => assert.ok(Math.abs(z[k] * 2 ** 20 - said) <= 0.5));
  });
};

/** @param {number[]} list @param {any} said: stored as int16 */
const counted = (list, said) => {
  assert.deepEqual(list.slice(0, 16), said.first);
  assert.deepEqual([list.length, digestOf(new Uint8Array(Int16Array.from(list).buffer))], [said.count, said.sha256]);
};

const sketch = (v, got) => {
  assert.deepEqual([got.caption, got.level, got.error], [v.caption, v.level, v.squared_error]);
  counted((got.colours ?? []).map((c) => c.steps + 0), v.steps);
  counted(Array.from(got.cells), v.cells);
};

/** Of a picture that is exact; the preview of fewer layers is a network's. */
const picture = (v, got) => {
  assert.equal(got.exact, got.errors.length === 17);
  for (const [plane, row, column, value] of got.exact ? v.samples : [])
    assert.equal(Math.round(got.picture[3 * (row * v.width + column) + plane] * 255), value);
};

/** Samples of `lossless`, of 8 bits or 16. */
const exact = (v, { picture: shown }) => {
  for (const [plane, row, column, value] of v.samples)
    assert.ok(Math.abs(shown[3 * (row * v.width + column) + plane] * 255 - value) < 0.006);
};

/** Of the linear mode; below it the preview is a network's. */
const linear = (v, got) => {
  assert.equal(got.preview === undefined, !v.name.startsWith("linear-"));
  const planes = got.preview?.();
  for (const [plane, row, column, value] of planes ? v.samples : [])
    assert.ok(Math.abs(planes[(plane * v.height + row) * v.width + column] * 255 - value) < 0.02);
};

const EMBEDDINGS = {
  jpeg: { symbols: gcx.body, more: pictures },
  webp: { symbols: gcx.body, more: pictures },
  avif: { symbols: gcx.body, more: pictures },
  jxl: { symbols: gcx.body, more: pictures },
  ntc: { files: model("ntc"), range: model("ntc_range"), symbols: gcx.ntcSymbols, more: linear },
  ldm_quant: { files: model("ldm"), symbols: quantized, more: latent },
  rate_variable: { files: model("ldm"), symbols: gcx.rateVariableSymbols, more: latent },
  perco: { files: model("perco"), symbols: gcx.percoSymbols, more: (v, got) => assert.equal(got.caption, v.caption) },
  tokens: { files: model("tokens"), symbols: gcx.tokensSymbols, more: () => {} },
  text_sketch: { symbols: gcx.sketchSymbols, more: sketch },
  diffc: { files: model("diffc"), symbols: gcx.diffcSteps, more: steps },
  ddcm: { symbols: gcx.ddcmSteps, more: steps },
  uqdm: { files: model("uqdm"), symbols: gcx.uqdmSymbols, more: picture },
  lossless: { files: model("lossless"), symbols: gcx.losslessSymbols, more: exact },
};

/** What only the codec's own decoder finds, which is the viewer's. */
const LEFT = new Set(["avif/bad-frame", "jxl/bad-frame", "avif/bad-alpha", "jxl/bad-alpha", "jpeg/bad-many-scans"]);

/** Of an embedding's models the one that a file names; `range` is a model that names another, `files`. */
const named = ({ files, range }, { identity }) => (range && gcx.isModelOf(identity, gcx.modelDigest(range)) ? range : files);

for (const [name, { files: own, range, symbols, more }] of Object.entries(EMBEDDINGS)) {
  const folder = `embeddings/${name}`, networks = own && gcx.openModel(own), whole = range && gcx.openModel(range);
  for (const v of vectors(folder).filter((v) => !LEFT.has(`${name}/${v.name}`))) {
    test(`${folder}/${v.name}`, async () => {
      const file = gcx.read(bytesOf(`spec/vectors/${folder}/${v.name}.gcx`)), { digest } = file.header.identity;
      const files = named({ files: own, range }, file.header), opened = files === range ? whole : networks;
      if (v.error) return void await assert.rejects(async () => symbols(file, opened, { networks }), gcx.PayloadError);
      if (files && !digest) assert.ok(gcx.isModelOf(file.header.identity, gcx.modelDigest(files)));
      const got = await symbols(file, opened, { networks });
      assert.equal(hexOf(got.symbols.subarray(0, 64)), v.symbols.first);
      assert.deepEqual([got.symbols.length, digestOf(got.symbols)], [v.symbols.bytes, v.symbols.sha256]);
      assert.equal(gcx.symbolsMatch(file, got.symbols), file.header.extensions.has(5) ? true : null);
      more?.(v, got);
    });
  }
}

for (const [name, row] of Object.entries(JSON.parse(readFileSync(`${ROOT}spec/conformance/conformance.json`, "utf8"))))
  test(`conformance/${name}`, async () => {
    const { files, range, symbols } = EMBEDDINGS[name.split("-")[0]];
    const file = gcx.read(bytesOf(`spec/conformance/${name}.gcx`)), own = named({ files, range }, file.header);
    const got = await symbols(file, own && gcx.openModel(own), { networks: files && gcx.openModel(files) });
    assert.equal(digestOf(got.symbols).slice(0, row.symbols.length), row.symbols);
  });

test("picture files are those of the worked examples", () => {
  for (const [name, file] of [["jpeg", "gray-annex-k"], ["webp", "one-sample"], ["avif", "one-sample"], ["jxl", "one-sample"]]) {
    const text = readFileSync(`${ROOT}spec/embeddings/${name}.md`, "utf8");
    const example = text.trimEnd().split("\n\n").at(-1) ?? "";
    const stated = Array.from(example.matchAll(/^ {4}((?:[0-9A-F]{2} )*[0-9A-F]{2})(?: {2}|$)/gm), (m) => m[1]).join(" ");
    const got = gcx.body(gcx.read(bytesOf(`spec/vectors/embeddings/${name}/${file}.gcx`)));
    assert.equal(got.type, `image/${name}`);
    assert.equal(hexOf(got.bytes), stated.replaceAll(" ", "").toLowerCase(), name);
  }
});

test("weights and files that lie somewhere in a Buffer of Node are read as any others", async () => {
  const inside = (/** @type {Uint8Array} */ bytes) => Buffer.concat([Buffer.alloc(3), bytes, Buffer.alloc(5)]).subarray(3, 3 + bytes.length);
  const files = Object.fromEntries(Object.entries(EMBEDDINGS.ntc.files).map(([name, bytes]) => [name, inside(bytes)]));
  const data = bytesOf("spec/vectors/embeddings/ntc/one-sample.gcx");
  const [plain, within] = [await gcx.ntcSymbols(gcx.read(data), gcx.openModel(EMBEDDINGS.ntc.files)), await gcx.ntcSymbols(gcx.read(inside(data)), gcx.openModel(files))];
  assert.deepEqual(within, plain);
});

test("a picture that was made with a companion is not called damaged, but refused by name", async () => {
  const opened = gcx.openModel(EMBEDDINGS.lossless.files);
  for (const v of vectors("beside").filter((v) => !v.error && v.name !== "one-sample")) {
    const file = gcx.read(bytesOf(`spec/vectors/beside/${v.name}.gcx`));
    await assert.rejects(() => gcx.losslessSymbols(file, opened), { name: "PayloadError", message: /made with a companion/ });
  }
});

test("a model that is not the file's, or none, is refused", () => {
  const files = EMBEDDINGS.ntc.files, { identity } = gcx.read(bytesOf("spec/vectors/embeddings/ntc/photo.gcx")).header;
  gcx.openModel(files, identity);
  assert.throws(() => gcx.openModel(files, { ...identity, profile: 1 }), gcx.ModelError);
  assert.throws(() => gcx.openModel({ "config.json": files["config.json"] }), gcx.ModelError);
  assert.throws(() => gcx.openModel({ ...files, "config.json": new Uint8Array(3) }), gcx.ModelError);
});

test("a model that names another wants that one, for the files that need it", async () => {
  const [range, networks, other] = ["ntc_range", "ntc", "perco"].map((name) => gcx.openModel(model(name)));
  const [below, above] = ["range-photo", "linear-photo"].map((name) => gcx.read(bytesOf(`spec/vectors/embeddings/ntc/${name}.gcx`)));
  await assert.rejects(() => gcx.ntcSymbols(below, range), gcx.ModelError);
  await assert.rejects(() => gcx.ntcSymbols(below, range, { networks: other }), gcx.ModelError);
  assert.ok((await gcx.ntcSymbols(below, range, { networks })).latents);
  assert.equal((await gcx.ntcSymbols(above, range)).step, 39);
  await assert.rejects(() => gcx.ntcSymbols(above, networks), gcx.PayloadError);
});

test("matrices of the linear mode that make no picture are a model's fault", async () => {
  const file = gcx.read(bytesOf("spec/vectors/embeddings/ntc/linear-one-sample.gcx")), sound = model("ntc_range");
  for (const [name, value] of /** @type {[string, number][]} */ ([["norm", 0], ["norm", -1], ["colour", NaN], ["post", Infinity]])) {
    const weights = Uint8Array.from(sound["diffusion_pytorch_model.safetensors"]), view = new DataView(weights.buffer);
    const head = Number(view.getBigUint64(0, true)), { data_offsets } = JSON.parse(new TextDecoder().decode(weights.subarray(8, 8 + head)))[`linear.${name}`];
    view.setFloat32(8 + head + data_offsets[0], value, true);
    await assert.rejects(() => gcx.ntcSymbols(file, gcx.openModel({ ...sound, "diffusion_pytorch_model.safetensors": weights })), gcx.ModelError);
  }
});

test("a file of another embedding is not called damaged", async () => {
  const jpeg = gcx.read(bytesOf("spec/vectors/embeddings/jpeg/annex-k.gcx")), opened = gcx.openModel(EMBEDDINGS.ntc.files);
  for (const symbols of [gcx.ntcSymbols, gcx.ldmQuantSymbols, gcx.rateVariableSymbols, gcx.percoSymbols, gcx.tokensSymbols, gcx.uqdmSymbols, gcx.losslessSymbols, gcx.sketchSymbols, gcx.diffcSteps, gcx.ddcmSteps])
    await assert.rejects(async () => symbols(jpeg, opened), { code: "unknown-embedding" });
});

test("a file of diffc's profile 1, whose streams were others, is refused", () => {
  const file = gcx.read(bytesOf("spec/vectors/withdrawn/diffc-1/photo.gcx"));
  assert.throws(() => gcx.diffcSteps(file, gcx.openModel(EMBEDDINGS.diffc.files)), gcx.ModelError);
});
