/** The coder of symbols: ENTROPY.md, and the same in CHANNELS.md section 4.3. A stack of words, a state of 64 bits. */
import { ModelError, refuse } from "./errors.js";

/** Sums of frequencies F, from 0 to 2^24: one more than there are entries. @typedef {Float64Array} Table */

/** @param {ArrayLike<number>} f @returns {Table} */
export function tableOf(f) {
  const sums = new Float64Array(f.length + 1);
  for (let p = 0; p < f.length; p++) sums[p + 1] = sums[p] + f[p];
  return sums;
}

/** A table of frequencies of which one, the first if not said otherwise, grows by what the sum lacks of 2^24. @param {number[] | Float64Array} f @param {number} [at] */
export function filledTable(f, at = 0) {
  let sum = 0;
  for (const frequency of f) sum += frequency;
  f[at] += 16777216 - sum;
  return tableOf(f);
}

/**
 * The signed tables of a model (section 6). Zeros at the end of one are no part of it.
 * @param {import("./model.js").Tensors} tensors @param {number} [least] how many there must be
 */
export function modelTables(tensors, least = 0) {
  const lengths = tensors.get("tables.length", "I32", [null]), values = tensors.get("tables.values", "I32", [null]);
  let at = 0;
  const tables = Array.from(lengths, (length) => {
    let end = at + length;
    while (end > at && values[end - 1] === 0) end--;
    const table = tableOf(values.subarray(at, end));
    if (length < 2 || (end - at) % 2 || end - at < 2 || values.subarray(at, end).some((f) => f < 1) || table[end - at] !== 2 ** 24)
      throw new ModelError("a table of frequencies that is none");
    at += length;
    return table;
  });
  if (at !== values.length || tables.length < least) throw new ModelError("tables that do not fit their lengths");
  return tables;
}

export class Stream {
  /** @param {Uint8Array} bytes: the stack, bottom first */
  constructor(bytes) {
    if (bytes.length && bytes[bytes.length - 1] === 0) refuse("the bits end in a zero byte");
    const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    whole.set(bytes);
    const view = new DataView(whole.buffer);
    this.stack = Array.from({ length: whole.length / 4 }, (_, i) => view.getUint32(4 * i, true));
    // the state as two halves of 32 bits
    this.high = 0;
    this.low = this.stack.pop() ?? 0;
    const below = this.stack.pop();
    if (below !== undefined) {
      this.high = this.low;
      this.low = below;
    }
  }

  /**
   * One entry under a table.
   * @param {Table} sums
   */
  read(sums) {
    const r = this.low % 16777216;
    let p = 0, end = sums.length - 1;
    while (end - p > 1) {
      const middle = (p + end) >> 1;
      if (sums[middle] <= r) p = middle;
      else end = middle;
    }
    this.advance(sums[p], sums[p + 1] - sums[p]);
    return p;
  }

  /** A number under the equal table of 2^bits entries. @param {number} bits */
  even(bits) {
    const f = 2 ** (24 - bits), p = Math.floor((this.low % 16777216) / f);
    this.advance(p * f, f);
    return p;
  }

  /** @param {number} start @param {number} frequency */
  advance(start, frequency) {
    // x = q frequency + r - start, in pieces that stay below 2^53
    const r = this.low % 16777216, q = (this.high % 16777216) * 256 + Math.floor(this.low / 16777216);
    const part = (q & 0xffff) * frequency + (r - start);
    const upper = (q >>> 16) * frequency + Math.floor(part / 65536);
    this.low = (upper % 65536) * 65536 + (part % 65536);
    this.high = Math.floor(this.high / 16777216) * frequency + Math.floor(upper / 65536);
    if (this.high === 0 && this.stack.length) {
      this.high = this.low;
      this.low = /** @type {number} */ (this.stack.pop());
    }
  }

  /**
   * A batch of signed symbols (section 4): symbol i has the table of number which[i].
   * @param {Table[]} tables @param {ArrayLike<number>} which
   */
  batch(tables, which) {
    const symbols = new Float64Array(which.length), order = grouped(which, tables.length);
    /** @type {number[]} */
    const escaped = [];
    for (const i of order) {
      const table = tables[which[i]], z = this.read(table);
      if (z === table.length - 2) escaped.push(i);
      symbols[i] = z & 1 ? (z + 1) / 2 : -z / 2;
    }
    escaped.sort((a, b) => a - b);
    const sizes = escaped.map(() => this.even(5));
    if (sizes.some((k) => k > 23)) refuse("a symbol that is too large");
    for (let k = 0; k < 24; k++)
      sizes.forEach((size, n) => {
        if (size !== k) return;
        const v = 2 ** k + (k ? this.even(k) : 0), z = v + tables[which[escaped[n]]].length - 3;
        symbols[escaped[n]] = z & 1 ? (z + 1) / 2 : -z / 2;
      });
    return symbols;
  }

  /** Refuses bits that go on, or whose state is not the first one. */
  finish() {
    if (this.high || this.low || this.stack.length) refuse("the bits do not end as they must");
  }
}

/** The indices of `which`, by ascending value and among equals in order. @param {ArrayLike<number>} which @param {number} count */
function grouped(which, count) {
  const places = new Uint32Array(count + 1), order = new Uint32Array(which.length);
  for (let i = 0; i < which.length; i++) places[which[i] + 1]++;
  for (let t = 0; t < count; t++) places[t + 1] += places[t];
  for (let i = 0; i < which.length; i++) order[places[which[i]]++] = i;
  return order;
}
