/** Tokens by digits under a network: spec/embeddings/perco.md, section 4, which tokens.md shares. */
import { filledTable } from "./entropy.js";
import { hidden, readLayer, sums } from "./integer.js";

/** @typedef {import("./integer.js").Matmul} Matmul */
/** @typedef {ReturnType<typeof chainOf>} Chain */

/**
 * The layers of `name`; S: how many values all digits have together.
 * @param {import("./model.js").Model} model @param {string} name @param {number[]} K @param {(S: number) => number} inputs of `first`
 */
export function chainOf({ tensors }, name, K, inputs) {
  /** @param {string} part @param {number} inputs @param {number} [outputs] */
  const layer = (part, inputs, outputs) =>
    readLayer(tensors, `${name}.${part}`, inputs, outputs ?? tensors.shape(`${name}.${part}.weight`)[1], 1);
  const starts = K.map((_, i) => K.slice(0, i).reduce((x, y) => x + y, 0));
  const S = starts[K.length - 1] + K[K.length - 1], first = layer("first", inputs(S)), second = layer("second", first.outputs, first.outputs);
  const digits = starts.map((before, i) => {
    const inner = layer(`hidden.${i}`, second.outputs + before);
    return { K: K[i], before, hidden: inner, out: layer(`out.${i}`, inner.outputs, K[i]) };
  });
  return { S, first, second, digits };
}

/**
 * The table of a digit, of the sharp / 4th power of its law. @param {Float64Array} l: sums @param {number} shift @param {number} [sharp]
 */
export function digitTable(l, shift, sharp = 4) {
  const K = l.length, s = l.map((x) => Math.floor(x / 2 ** (4 + shift) + 0.5)), most = Math.max(...s);
  const b = s.map((x) => Math.min(Math.floor(((most - x) * sharp) / 4), 1280)), g = b.map((x) => Math.round(2 ** (20 - x / 64)));
  const sum = g.reduce((x, y) => x + y, 0), f = g.map((x) => 1 + Math.floor((x * (2 ** 24 - K)) / sum));
  return filledTable(f, b.indexOf(0));
}

/** Writes ones for the digits of the token at `at` into x, from `start` on. @param {Chain} chain @param {Uint8Array} known @param {number} at @param {Float64Array} x @param {number} start */
export function oneHot({ digits }, known, at, x, start) {
  digits.forEach(({ before }, i) => { x[start + before + known[at * digits.length + i]] = 1024; });
}

/**
 * The digits of the tokens at flat `positions` into `known`, one digit of all after another. `choose` is asked for each, given its
 * sums, their shift, the token's number in `positions`, and the digit's.
 * @param {Chain} chain @param {Float64Array} x: contexts @param {number[]} positions @param {Uint8Array} known
 * @param {(l: Float64Array, shift: number, n: number, i: number) => number} choose @param {Matmul} multiply
 */
export async function readDigits({ first, second, digits }, x, positions, known, choose, multiply) {
  const u = await hidden(second, await hidden(first, x, 0, multiply), 0, multiply), U = second.outputs;
  for (const [i, digit] of digits.entries()) {
    const width = U + digit.before, seen = new Float64Array(positions.length * width);
    positions.forEach((at, n) => {
      seen.set(u.subarray(n * U, (n + 1) * U), n * width);
      for (let j = 0; j < i; j++) seen[n * width + U + digits[j].before + known[at * digits.length + j]] = 1024;
    });
    const l = await sums(digit.out, await hidden(digit.hidden, seen, 0, multiply), 0, multiply);
    positions.forEach((at, n) => {
      known[at * digits.length + i] = choose(l.subarray(n * digit.K, (n + 1) * digit.K), digit.out.shift, n, i);
    });
  }
}

/** The tokens of digits. @param {Chain} chain @param {Uint8Array} known @param {number} count */
export const tokensOf = ({ digits }, known, count) =>
  Int32Array.from({ length: count }, (_, at) => digits.reduceRight((value, { K }, i) => value * K + known[at * digits.length + i], 0));
