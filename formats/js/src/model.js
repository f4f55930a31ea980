/** Models: tensors of a safetensors file, sizes of a config.json. */
import { ModelError } from "./errors.js";

/** @typedef {Float64Array | Float32Array | Int32Array | Int16Array | Int8Array | Uint8Array | Uint16Array} Numbers F16 and BF16 as Uint16Array */
/** @typedef {{tensors: Tensors, config: any}} Model */

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
    return TYPES[dtype][1](found.bytes.slice().buffer);
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
