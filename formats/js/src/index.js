/** GCX in JavaScript: what Node and a page import. Nothing here reads files or asks a network. */
import { ALPHA, COMPANION, EXIF, ICC, MAIN, read, splitCompanion, THUMBNAIL, XMP } from "./container.js";
import { FormatError } from "./errors.js";
import { embeddingName } from "./info.js";
import { EMBEDDINGS } from "./registry.js";
import { decompress } from "./zstd.js";

export { body } from "./classics.js";
export { decodeCaption, encodeCaption } from "./captions.js";
export { replay } from "./channels.js";
export { LIMITS, read, splitCompanion } from "./container.js";
export { replayDithered } from "./dithered.js";
export { CODES, FormatError, ModelError, PayloadError } from "./errors.js";
export { matmul } from "./integer.js";
export { isModelOf, modelDigest, openModel, readSafetensors, symbolsMatch } from "./model.js";
export { ldmQuantSymbols, rateVariableSymbols } from "./ldm.js";
export { losslessSymbols } from "./lossless.js";
export { ntcSymbols } from "./ntc.js";
export { percoSymbols } from "./perco.js";
export { sketchSymbols } from "./sketch.js";
export { ddcmSteps, diffcSteps } from "./steps.js";
export { embeddingName, info, modelName } from "./info.js";
export * as random from "./random.js";
export { EMBEDDINGS, EXTENSIONS, PROFILES, SEGMENTS } from "./registry.js";
export { tokensSymbols } from "./tokens.js";
export { uqdmSymbols } from "./uqdm.js";

/** @typedef {import("./container.js").File} File */

/** What a segment holds: icc, exif, xmp and alpha unpacked, of a companion its payload, others as they are. @param {import("./container.js").Segment} segment */
export function content({ type, body }) {
  if (type === ICC || type === EXIF || type === XMP) return decompress(body);
  if (type === ALPHA) return joinHalves(decompress(body.subarray(1)), body[0]);
  return type === COMPANION ? splitCompanion(body).payload : body;
}

/** Alpha as big-endian samples, row by row. @param {Uint8Array} plane @param {number} depth */
function joinHalves(plane, depth) {
  if (depth === 8) return plane;
  const half = plane.length / 2;
  return plane.map((_, i) => plane[(i >> 1) + (i & 1) * half]);
}

/**
 * A file with all that a viewer asks first: `layers` of the embedding, its name, the suggested reconstructor,
 * and icc, exif, xmp, thumbnail and alpha (null where there are none), unpacked when they are asked for.
 * @param {Uint8Array} bytes @param {{partial?: boolean}} [options]
 */
export function open(bytes, options) {
  const file = read(bytes, options);
  /** @param {number} type */
  const one = (type) => {
    const segment = file.segments.find((s) => s.type === type);
    return segment ? content(segment) : null;
  };
  const alpha = file.segments.find((segment) => segment.type === ALPHA);
  /** @type {[string, Map<string, any>] | undefined} */
  const suggested = file.header.extensions.get(1);
  return {
    ...file,
    embedding: embeddingName(file.header.identity),
    layers: file.segments.filter((s) => s.type === MAIN).map((s) => s.body),
    seed: BigInt(file.header.extensions.get(0) ?? 0),
    suggest: suggested ? { name: suggested[0], settings: Object.fromEntries(suggested[1]) } : null,
    metadata: {
      get icc() { return one(ICC); },
      get exif() { return one(EXIF); },
      get xmp() { return one(XMP); },
      get thumbnail() { return one(THUMBNAIL); },
      get alpha() { return alpha ? { depth: alpha.body[0], samples: content(alpha) } : null; },
    },
  };
}

/** The registered name of the file's embedding, or FormatError `unknown-embedding`. @param {File} file */
export function resolve({ header: { identity } }) {
  const row = EMBEDDINGS[identity.id];
  if (!row) throw new FormatError("unknown-embedding", `no decoder here for the embedding ${embeddingName(identity)}`);
  return row.name;
}
