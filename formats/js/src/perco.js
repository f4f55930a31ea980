/** Tokens and caption of `perco`: spec/embeddings/perco.md. */
import { decodeCaption } from "./captions.js";
import { MAIN } from "./container.js";
import { filledTable, Stream } from "./entropy.js";
import { ModelError, refuse } from "./errors.js";
import { diagonals, hidden, matmul, readLayer, sums } from "./integer.js";
import { concatenated, demandClass, demandEmbedding, prepared, words } from "./model.js";

const NEIGHBOURS = [[0, -1], [0, -2], [-1, -2], [-1, -1], [-1, 0], [-1, 1], [-1, 2], [-2, -2], [-2, -1], [-2, 0], [-2, 1], [-2, 2]];

const CODEBOOKS = prepared((model) => {
  demandClass(model, "PercoPrior");
  const list = model.config.codebooks;
  if (!Array.isArray(list) || !list.length) throw new ModelError("config.json does not list codebooks");
  return list.map(({ space, side, levels: K, model: digest }) => {
    /** @param {string} name @param {number} inputs @param {number} [outputs] */
    const layer = (name, inputs, outputs) =>
      readLayer(model.tensors, `${space}.${name}`, inputs, outputs ?? model.tensors.shape(`${space}.${name}.weight`)[1], 1);
    /** @type {number[]} */
    const starts = K.map((/** @type {number} */ _, /** @type {number} */ i) => K.slice(0, i).reduce((/** @type {number} */ x, /** @type {number} */ y) => x + y, 0));
    const S = starts[K.length - 1] + K[K.length - 1], first = layer("first", 12 * S), second = layer("second", first.outputs, first.outputs);
    const digits = starts.map((before, i) => {
      const inner = layer(`hidden.${i}`, second.outputs + before);
      return { K: /** @type {number} */ (K[i]), before, hidden: inner, out: layer(`out.${i}`, inner.outputs, K[i]) };
    });
    return { space: String(space), side: Number(side), digest: String(digest), S, first, second, digits };
  });
});

/** The table of a digit (section 4). @param {Float64Array} l: sums @param {number} shift */
function digitTable(l, shift) {
  const K = l.length, s = l.map((x) => Math.floor(x / 2 ** (4 + shift) + 0.5)), most = Math.max(...s);
  const b = s.map((x) => Math.min(most - x, 1280)), g = b.map((x) => Math.round(2 ** (20 - x / 64)));
  const sum = g.reduce((x, y) => x + y, 0), f = g.map((x) => 1 + Math.floor((x * (2 ** 24 - K)) / sum));
  return filledTable(f, b.indexOf(0));
}

/**
 * The caption, which codebook (its `space`, and the digest of the network that knows what its tokens look like), and the
 * tokens, row by row.
 * @param {import("./container.js").File} file @param {import("./model.js").Model} model
 * @param {{matmul?: import("./integer.js").Matmul}} [options]
 */
export async function percoSymbols(file, model, options = {}) {
  demandEmbedding(file, "perco");
  const layers = file.segments.filter((segment) => segment.type === MAIN), multiply = options.matmul ?? matmul;
  if (layers.length > 2) refuse(`${layers.length} layers`);
  const caption = layers[1] ? decodeCaption(layers[1].body) || refuse("an empty caption that is sent") : "";
  const books = CODEBOOKS(model), stream = new Stream(layers[0].body);
  const equal = filledTable(books.map(() => Math.floor(2 ** 24 / books.length)));
  const { space, side, digest, S, first, second, digits } = books[stream.read(equal)];
  const h = Math.ceil(file.header.height / side), w = Math.ceil(file.header.width / side);
  const known = new Uint8Array(h * w * digits.length);
  for (const tokens of diagonals(h, w, 3)) {
    const x = new Float64Array(tokens.length * 12 * S);
    tokens.forEach((at, n) => NEIGHBOURS.forEach(([dy, dx], k) => {
      const row = Math.floor(at / w) + dy, column = (at % w) + dx;
      if (row < 0 || column < 0 || column >= w) return;
      digits.forEach(({ before }, i) => { x[(n * 12 + k) * S + before + known[(row * w + column) * digits.length + i]] = 1024; });
    }));
    const u = await hidden(second, await hidden(first, x, 0, multiply), 0, multiply), U = second.outputs;
    for (const [i, digit] of digits.entries()) {
      const width = U + digit.before, seen = new Float64Array(tokens.length * width);
      tokens.forEach((at, n) => {
        seen.set(u.subarray(n * U, (n + 1) * U), n * width);
        for (let j = 0; j < i; j++) seen[n * width + U + digits[j].before + known[at * digits.length + j]] = 1024;
      });
      const l = await sums(digit.out, await hidden(digit.hidden, seen, 0, multiply), 0, multiply);
      tokens.forEach((at, n) => {
        known[at * digits.length + i] = stream.read(digitTable(l.subarray(n * digit.K, (n + 1) * digit.K), digit.out.shift));
      });
    }
  }
  stream.finish();
  const tokens = Int32Array.from({ length: h * w }, (_, at) =>
    digits.reduceRight((value, { K }, i) => value * K + known[at * digits.length + i], 0));
  const text = new TextEncoder();
  return { caption, space, digest, h, w, tokens, symbols: concatenated([text.encode(`${space}\0`), words(tokens), text.encode(caption)]) };
}
