/** Tokens and caption of `perco`: spec/embeddings/perco.md. */
import { decodeCaption } from "./captions.js";
import { MAIN } from "./container.js";
import { chainOf, digitTable, oneHot, readDigits, tokensOf } from "./digits.js";
import { filledTable, Stream } from "./entropy.js";
import { ModelError, refuse } from "./errors.js";
import { diagonals, matmul } from "./integer.js";
import { concatenated, demandClass, demandEmbedding, prepared, words } from "./model.js";

const NEIGHBOURS = [[0, -1], [0, -2], [-1, -2], [-1, -1], [-1, 0], [-1, 1], [-1, 2], [-2, -2], [-2, -1], [-2, 0], [-2, 1], [-2, 2]];

const CODEBOOKS = prepared((model) => {
  demandClass(model, "PercoPrior");
  const list = model.config.codebooks;
  if (!Array.isArray(list) || !list.length) throw new ModelError("config.json does not list codebooks");
  return list.map(({ space, side, levels, model: digest }) => ({
    space: String(space), side: Number(side), digest: String(digest), chain: chainOf(model, space, levels, (S) => 12 * S),
  }));
});

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
  const { space, side, digest, chain } = books[stream.read(equal)];
  const h = Math.ceil(file.header.height / side), w = Math.ceil(file.header.width / side);
  const known = new Uint8Array(h * w * chain.digits.length);
  for (const positions of diagonals(h, w, 3)) {
    const x = new Float64Array(positions.length * 12 * chain.S);
    positions.forEach((at, n) => NEIGHBOURS.forEach(([dy, dx], k) => {
      const row = Math.floor(at / w) + dy, column = (at % w) + dx;
      if (row < 0 || column < 0 || column >= w) return;
      oneHot(chain, known, row * w + column, x, (n * 12 + k) * chain.S);
    }));
    await readDigits(chain, x, positions, known, (l, shift) => stream.read(digitTable(l, shift)), multiply);
  }
  stream.finish();
  const tokens = tokensOf(chain, known, h * w), text = new TextEncoder();
  return { caption, space, digest, h, w, tokens, symbols: concatenated([text.encode(`${space}\0`), words(tokens), text.encode(caption)]) };
}
