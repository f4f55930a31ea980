/**
 * What this reader makes of the layers of files on standard input, each behind its length (u32, little-endian): one line for
 * each, the beginning of the SHA-256 of its symbols, or `refused`. In the words of tests/fuzz/js_payloads.py.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import * as gcx from "../src/index.js";

const MODELS = fileURLToPath(new URL("../../../plugins/base/src/gcodec_base/models/", import.meta.url));

/** @param {string} name */
function model(name) {
  const names = readdirSync(MODELS + name).filter((file) => /\.(json|safetensors)$/.test(file));
  return gcx.openModel(Object.fromEntries(names.map((file) => [file, new Uint8Array(readFileSync(`${MODELS}${name}/${file}`))])));
}

const [ntc, range, ldm, perco, tokens, diffc, uqdm, lossless] = ["ntc", "ntc_range", "ldm", "perco", "tokens", "diffc", "uqdm", "lossless"].map(model);
const SYMBOLS = {
  jpeg: gcx.body, webp: gcx.body, avif: gcx.body, jxl: gcx.body, text_sketch: gcx.sketchSymbols, ddcm: gcx.ddcmSteps,
  ntc: (file) => gcx.ntcSymbols(file, gcx.isModelOf(file.header.identity, ntc.digest) ? ntc : range, { networks: ntc }),
  ldm_quant: (file) => gcx.ldmQuantSymbols(file, file.header.identity.digest ? { C: 32, f: 8 } : ldm),
  rate_variable: (file) => gcx.rateVariableSymbols(file, ldm),
  perco: (file) => gcx.percoSymbols(file, perco),
  tokens: (file) => gcx.tokensSymbols(file, tokens),
  diffc: (file) => gcx.diffcSteps(file, diffc),
  uqdm: (file) => gcx.uqdmSymbols(file, uqdm),
  lossless: (file) => gcx.losslessSymbols(file, lossless),
};

/** @param {Uint8Array} data */
async function answer(data) {
  const file = gcx.read(data);
  try {
    const { symbols } = await SYMBOLS[gcx.resolve(file)](file);
    return createHash("sha256").update(symbols).digest("hex").slice(0, 16);
  } catch (error) {
    if (error instanceof gcx.PayloadError) return "refused";
    throw error;
  }
}

let rest = Buffer.alloc(0);
for await (const chunk of process.stdin) {
  rest = Buffer.concat([rest, chunk]);
  while (rest.length >= 4 && rest.length - 4 >= rest.readUInt32LE(0)) {
    const end = 4 + rest.readUInt32LE(0);
    process.stdout.write(`${await answer(new Uint8Array(rest.subarray(4, end)))}\n`);
    rest = rest.subarray(end);
  }
}
