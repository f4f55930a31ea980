/**
 * Noisy states sent step by step: spec/embeddings/diffc.md and ddcm.md, as far as a reader without the denoiser goes.
 * Each step has its bits, the snr that it leads to, and z, the sample that its bits stand for.
 */
import { replay } from "./channels.js";
import { MAIN } from "./container.js";
import { readHead } from "./diffc.js";
import { ModelError, refuse } from "./errors.js";
import { binomial, bitsBelow } from "./fields.js";
import { hadamardBits } from "./hadamard.js";
import { concatenated, demandEmbedding } from "./model.js";

/**
 * @typedef {{bytes: number, error: number, bits: Uint8Array, snr: number, z: () => Float32Array}} Step
 *   z: for C channels of h x w, computed when it is called
 * @typedef {{channel: string, parameters: Record<string, any>, steps: Step[], h: number, w: number, C: number, symbols: Uint8Array}} Steps
 */

/** @param {import("./container.js").File} file @param {number} C @param {number} f */
function start(file, C, f) {
  const { height, width, extensions } = file.header, h = Math.ceil(height / f), w = Math.ceil(width / f), D = C * h * w;
  const layers = file.segments.filter((segment) => segment.type === MAIN).map((segment) => segment.body);
  let snr = 0, i = 0;
  /** @type {Step[]} */
  const steps = [];
  /** `count`: what snr goes by. @param {string} channel @param {Record<string, any>} parameters @param {number} bytes @param {number} count @param {number} error @param {Uint8Array} bits */
  const add = (channel, parameters, bytes, count, error, bits) => {
    const where = { seed: extensions.get(0) ?? 0, step: i++, dimensions: D };
    snr += (2 * Math.LN2 * count) / (D * (64 * Math.exp(-error / 20)));
    const z = () => replay(channel, parameters, where, bits);
    z();
    steps.push({ bytes, error, bits, snr, z });
  };
  return { layers, symbols: concatenated(layers), h, w, D, steps, add };
}

/** Bytes of the steps (section 2). @param {ArrayLike<number>} B @param {number} D */
function schedule(B, D) {
  const longest = Math.max(Math.floor(D / 8), 4), bytes = [];
  let due = 0;
  for (let i = 0; D >= 32 && i < B.length; i++) {
    due += B[i] * D;
    const n = Math.min(Math.floor(due / 8000000), longest);
    if (n < 4) continue;
    bytes.push(n);
    due = n === longest ? 0 : due - 8000000 * n;
  }
  return bytes;
}

/** What a step adds to the error's code (section 1). */
const CHANGES = [-8, -5, -3, -1, 0, 1, 2, 3, 4, 5, 7, 9, 12, 17, 25, 40];

/** Of the model `base/diffc`. @param {import("./container.js").File} file @param {import("./model.js").Model} model @returns {Steps} */
export function diffcSteps(file, model) {
  demandEmbedding(file, "diffc");
  if (file.header.identity.profile === 1) throw new ModelError("profile 1 is withdrawn: its streams were others, and would be noise");
  const B = model.tensors.get("bits", "I32", [null]), C = 32, { symbols, h, w, D, steps, add } = start(file, C, 8);
  if (B.some((b) => b < 1 || b > 1e6)) throw new ModelError("a schedule that is none");
  const { channel, parameters, fixed, bytes } = readHead(symbols);
  if (channel.includes("/")) refuse(`no channel ${channel} here`);
  const planned = schedule(B, D);
  let at = bytes, error = symbols[at++] ?? refuse("no byte that says the first error");
  while (at < symbols.length) {
    const n = planned[steps.length] ?? refuse("bytes after the last step");
    let size = Math.min(n, symbols.length - at);
    if (symbols.length - at < 4) refuse("a step that is cut");
    error = Math.min(Math.max(error + CHANGES[symbols[at] >> 4], 0), 255);
    if (!fixed) {
      size = ((symbols[at] & 15) << 24) | (symbols[at + 1] << 16) | (symbols[at + 2] << 8) | symbols[at + 3];
      at += 4;
    }
    if (size > symbols.length - at) refuse("a step that is cut");
    const body = symbols.subarray(at, at += size);
    if (fixed) add(channel, { ...parameters, bits: 8 * size - 4 }, size, 8 * size - 4, error, body.map((byte, i) => (byte << 4) | (body[i + 1] >> 4)));
    else add(channel, { ...parameters, kl: 8 * n }, n, 8 * n, error, body);
  }
  return { channel, parameters, steps, h, w, C, symbols };
}

/** Channel, parameters and bits of a block. @param {Uint8Array} head @returns {[string, Record<string, any>, number]} */
function ddcmChannel(head) {
  const kind = head[0], atoms = 256 * (head[2] & 127) + head[3] + 1;
  if (head[2] & 128) {
    const entries = 2 ** ((kind & 31) + 1), coefficients = (kind >> 5) + 1;
    if (entries > 2 ** 22 || atoms > Math.min(entries, 512 * Math.max(1, entries / 65536))) refuse("atoms or entries beyond the largest");
    return ["hadamard", { entries, atoms, coefficients }, hadamardBits(entries, atoms, coefficients)];
  }
  const k = (kind & 15) + 1, entries = 2 ** k, coefficients = ((kind >> 4) & 7) + 1, method = kind & 128 ? "pursuit" : "threshold";
  if (atoms > entries || atoms > 512) refuse("more atoms than entries, or than any");
  const set = method === "threshold" ? bitsBelow(binomial(entries, atoms)) + atoms * coefficients : atoms * k + (atoms - 1) * coefficients;
  return ["codebook", { entries, atoms, coefficients, method }, set];
}

/** Of the model `base/denoiser`. @param {import("./container.js").File} file @returns {Steps} */
export function ddcmSteps(file) {
  demandEmbedding(file, "ddcm");
  const C = 32, { layers, symbols, h, w, D, steps, add } = start(file, C, 8);
  if (symbols.length < 7) refuse("a head that is cut");
  const T = symbols[1] + 1, N = 65536 * symbols[4] + 256 * symbols[5] + symbols[6];
  if (N < T || N > T * D) refuse("a number of blocks that does not go with steps and dimensions");
  const [channel, parameters, field] = ddcmChannel(symbols), ends = new Set([7]);
  let at = 7;
  for (let i = 0; i < T && at < symbols.length; i++) {
    const blocks = Math.floor(((i + 1) * N) / T) - Math.floor((i * N) / T), size = Math.ceil((field * blocks) / 8);
    if (symbols.length - at < 1 + size) refuse("a step that is cut");
    const error = symbols[at];
    add(channel, { ...parameters, blocks }, size, 8 * size, error, symbols.subarray(at + 1, at += 1 + size));
    ends.add(at);
  }
  if (at !== symbols.length) refuse("bytes after the last step");
  let end = 0;
  for (const layer of layers) if (!layer.length || !ends.has((end += layer.length)) || end === 7) refuse("a layer that does not end with a step");
  return { channel, parameters, steps, h, w, C, symbols };
}
