/** Models: tensors of a safetensors file, sizes of a config.json; which one a file asks for; what decoders share. */
import { hex, sha256 } from "./checksum.js";
import { MAIN } from "./container.js";
import { FormatError, ModelError, refuse } from "./errors.js";
import { modelName } from "./info.js";
import { EMBEDDINGS, PROFILES } from "./registry.js";

/** @typedef {Float64Array | Float32Array | Int32Array | Int16Array | Int8Array | Uint8Array | Uint16Array} Numbers F16 and BF16 as Uint16Array */
/** @typedef {{tensors: Tensors, config: any, readonly digest?: string}} Model */

/** @type {Record<string, [number, (buffer: ArrayBuffer) => Numbers]>} */
const TYPES = {
  F64: [8, (b) => new Float64Array(b)], F32: [4, (b) => new Float32Array(b)], I32: [4, (b) => new Int32Array(b)],
  I16: [2, (b) => new Int16Array(b)], I8: [1, (b) => new Int8Array(b)], U8: [1, (b) => new Uint8Array(b)],
  F16: [2, (b) => new Uint16Array(b)], BF16: [2, (b) => new Uint16Array(b)],
};

export class Tensors {
  /** @param {Map<string, {dtype: string, shape: number[], bytes: Uint8Array}>} map */
  constructor(map) {
    this.map = map;
  }

  /**
   * The numbers of a tensor of this type and shape, in C order; ModelError where there is none.
   * @param {string} name @param {string} dtype @param {(number | null)[]} shape: null stands for any
   * @returns {Numbers}
   */
  get(name, dtype, shape) {
    const found = this.map.get(name);
    if (!found) throw new ModelError(`the model lacks ${name}`);
    if (found.dtype !== dtype || found.shape.length !== shape.length || shape.some((n, i) => n !== null && n !== found.shape[i]))
      throw new ModelError(`${name} is ${found.dtype} [${found.shape}] and not ${dtype} [${shape.map((n) => n ?? "any")}]`);
    // Of a Buffer of Node `slice` would be a view of memory that it shares with others.
    return TYPES[dtype][1](Uint8Array.from(found.bytes).buffer);
  }

  /** @param {string} name @returns {number[]} */
  shape(name) {
    return this.map.get(name)?.shape ?? [];
  }
}

/** @param {Uint8Array} bytes: a whole safetensors file @returns {Tensors} */
export function readSafetensors(bytes) {
  /** @param {boolean} ok */
  const demand = (ok) => {
    if (!ok) throw new ModelError("not a safetensors file, or a damaged one");
  };
  demand(bytes.length >= 8);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)), start = 8 + length;
  demand(start <= bytes.length);
  /** @type {Record<string, {dtype: string, shape: number[], data_offsets: [number, number]}>} */
  let header = {};
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  } catch {
    demand(false);
  }
  const map = new Map();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === "__metadata__" || !Object.hasOwn(TYPES, dtype)) continue;
    const [from, to] = data_offsets, size = shape.reduce((x, y) => x * y, TYPES[dtype][0]);
    demand(0 <= from && from <= to && to <= bytes.length - start && to - from === size);
    map.set(name, { dtype, shape, bytes: bytes.subarray(start + from, start + to) });
  }
  return new Tensors(map);
}

/** The SHA-256 of a model that is one folder with one safetensors file (REGISTRY.md). @param {Record<string, Uint8Array>} files */
export function modelDigest(files) {
  const parts = [];
  // paths are compared as UTF-8; sort() would compare UTF-16
  const paths = Object.keys(files).map((path) => ({ path, utf8: new TextEncoder().encode(path) }));
  for (const { path, utf8 } of paths.sort((a, b) => (hex(a.utf8) < hex(b.utf8) ? -1 : 1))) {
    if (!/(\.json|\.safetensors|merges\.txt|(^|\/)vocab\.txt|\.model|\.tiktoken)$/.test(path)) continue;
    const length = new DataView(new ArrayBuffer(8));
    length.setBigUint64(0, BigInt(files[path].length), true);
    parts.push(utf8, Uint8Array.of(0), new Uint8Array(length.buffer), files[path]);
  }
  return hex(sha256(concatenated(parts)));
}

/** @param {Uint8Array[]} parts */
export function concatenated(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Whether the model of this digest is the one that a file names. @param {import("./container.js").Identity} identity @param {string} digest */
export function isModelOf(identity, digest) {
  return identity.digest ? digest.startsWith(hex(identity.digest)) : PROFILES[identity.id]?.[identity.profile] === digest;
}

/**
 * A model from the files of its folder, by name; with an identity, ModelError for another one than a file names.
 * @param {Record<string, Uint8Array>} files @param {import("./container.js").Identity} [identity] @returns {Model}
 */
export function openModel(files, identity) {
  const weights = Object.keys(files).filter((path) => path.endsWith(".safetensors"));
  if (!files["config.json"] || weights.length !== 1) throw new ModelError("a model is config.json and one safetensors file");
  if (identity && !isModelOf(identity, modelDigest(files))) throw new ModelError(`not the model of ${modelName(identity)}`);
  let config = null;
  try {
    config = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(files["config.json"]));
  } catch {
    throw new ModelError("config.json is not JSON");
  }
  let digest = "";
  return { config, tensors: readSafetensors(files[weights[0]]), get digest() { return (digest ||= modelDigest(files)); } };
}

/**
 * PayloadError where a file is not of this embedding: its layers would be called damaged.
 * @param {import("./container.js").File} file @param {string} name
 */
export function demandEmbedding({ header: { identity } }, name) {
  const found = EMBEDDINGS[identity.id]?.name ?? identity.name;
  if (found !== name) throw new FormatError("unknown-embedding", `a file of ${found ?? identity.id}, not of ${name}`);
}

/** @param {Model} model @param {string} name */
export function demandClass(model, name) {
  if (model.config?._class_name !== name) throw new ModelError(`a model of class ${model.config?._class_name}, not ${name}`);
}

/** What is made of a model once, kept as long as the model is. @template T @param {(model: Model) => T} make */
export function prepared(make) {
  /** @type {WeakMap<Model, T>} */
  const made = new WeakMap();
  return (/** @type {Model} */ model) => {
    const value = made.get(model) ?? make(model);
    made.set(model, value);
    return value;
  };
}

/** The one layer of an embedding that has one. @param {import("./container.js").File} file */
export function onlyLayer({ segments }) {
  const layers = segments.filter((segment) => segment.type === MAIN);
  return layers.length === 1 ? layers[0].body : refuse(`${layers.length} layers; there shall be one`);
}

/** Numbers as int32, little-endian. @param {ArrayLike<number>} list */
export function words(list) {
  const view = new DataView(new ArrayBuffer(4 * list.length));
  for (let i = 0; i < list.length; i++) view.setInt32(4 * i, list[i], true);
  return new Uint8Array(view.buffer);
}

/** Whether symbols are the sender's, by extension 5; null where the file does not say. @param {import("./container.js").File} file @param {Uint8Array} symbols */
export function symbolsMatch({ header }, symbols) {
  const said = header.extensions.get(5);
  return said ? hex(said) === hex(sha256(symbols).subarray(0, 8)) : null;
}
