/** Tokens of all levels of `tokens`, sent and drawn: spec/embeddings/tokens.md. */
import { MAIN } from "./container.js";
import { chainOf, digitTable, oneHot, readDigits, tokensOf } from "./digits.js";
import { filledTable, Stream } from "./entropy.js";
import { ModelError, refuse } from "./errors.js";
import { matmul } from "./integer.js";
import { concatenated, demandClass, demandEmbedding, prepared, words } from "./model.js";
import { bits, DOMAINS } from "./random.js";

const BATCH = 4096, FIRST = 64, SCALES = 6;
const RARE = filledTable([2 ** 24 - 2 ** 16, 2 ** 16]);
/** Rows and columns of the squares of side 5 and 3 around a token; of the larger one without the middle. */
const NEAR = square(2).filter(([y, x]) => y || x), AROUND = square(1);

/** @param {number} reach */
function square(reach) {
  const side = 2 * reach + 1;
  return Array.from({ length: side * side }, (_, i) => [Math.floor(i / side) - reach, (i % side) - reach]);
}

const LEVELS = prepared((model) => {
  demandClass(model, "TokensPrior");
  const list = model.config.levels;
  if (!Array.isArray(list) || !list.length) throw new ModelError("config.json does not list levels");
  let above = { side: 0, S: 0 };
  return list.map(({ side, digits: K, sharp }, l) => {
    const ratio = above.side / side, parents = l ? 9 * above.S + ratio * ratio : 0;
    const chain = chainOf(model, `level${l}`, K, (S) => 24 * S + parents + SCALES);
    above = { side, S: chain.S };
    return { side: Number(side), sharp: Number(sharp), ratio, chain, inputs: 24 * chain.S + parents + SCALES };
  });
});

/** Section 3: the batches of a grid. @param {number} h @param {number} w */
function* batches(h, w) {
  yield { s: 2 ** SCALES, kind: -1, positions: [0] };
  let S = 1;
  while (S < Math.max(h, w)) S *= 2;
  for (let s = S / 2; s >= 1; s /= 2)
    for (const [kind, [row, column]] of [[1, 1], [0, 1], [1, 0]].entries()) {
      /** @type {{p: number, key: number}[]} */
      const found = [];
      for (let y = row * s; y < h; y += 2 * s)
        for (let x = column * s; x < w; x += 2 * s) found.push({ p: y * w + x, key: Math.imul(0x9e3779b9, y * w + x) >>> 0 });
      found.sort((a, b) => a.key - b.key);
      for (let i = 0; i < found.length; i += BATCH) yield { s, kind, positions: found.slice(i, i + BATCH).map(({ p }) => p) };
    }
}

/** Section 2: which tokens lie in which stream. @param {Uint8Array[]} layers @param {number} total */
function runsOf(layers, total) {
  /** @type {{start: number, stop: number, stream: Stream}[]} */
  const runs = [];
  let start = 0, holes = false;
  for (const [i, layer] of layers.entries()) {
    const end = Math.min(FIRST * 2 ** i, total), stream = new Stream(layer);
    if (start >= total || (i && runs[i - 1].stop < start)) refuse("a layer behind the last");
    if (!i) holes = !!stream.read(RARE);
    let lacking = 0;
    if (stream.read(RARE)) {
      for (let n = 1; n <= end - start; n *= 256) lacking = 256 * lacking + stream.even(8);
      if (lacking < 1 || lacking > end - start || (i && lacking === end - start)) refuse("tokens that a layer lacks");
    }
    runs.push({ start, stop: end - lacking, stream });
    start = end;
  }
  return { runs, holes, sent: runs[runs.length - 1].stop };
}

/**
 * How many tokens were sent, whether holes stay holes, and the tokens of each level, row by row; -1 where there is none.
 * @param {import("./container.js").File} file @param {import("./model.js").Model} model
 * @param {{matmul?: import("./integer.js").Matmul}} [options]
 */
export async function tokensSymbols(file, model, options = {}) {
  demandEmbedding(file, "tokens");
  const levels = LEVELS(model), multiply = options.matmul ?? matmul, { height, width, extensions } = file.header;
  const grids = levels.map(({ side }) => [Math.ceil(height / side), Math.ceil(width / side)]);
  const layers = file.segments.filter((segment) => segment.type === MAIN).map((segment) => segment.body);
  const { runs, holes, sent } = runsOf(layers, grids.reduce((sum, [h, w]) => sum + h * w, 0));
  /** @type {{known: Uint8Array, there: Uint8Array, h: number, w: number}[]} */
  const made = [];
  let number = 0;
  for (const [l, { chain, sharp, ratio: r, inputs }] of levels.entries()) {
    const [h, w] = grids[l], D = chain.digits.length, known = new Uint8Array(h * w * D), there = new Uint8Array(h * w);
    const word = bits({ seed: extensions.get(0) ?? 0, domain: DOMAINS.COMPLETION, a: l, b: 0 }, 0, h * w * D);
    /** @param {typeof made[0]} grid @param {number} y @param {number} x */
    const at = (grid, y, x) => (y >= 0 && x >= 0 && y < grid.h && x < grid.w && grid.there[y * grid.w + x] ? y * grid.w + x : -1);
    made.push({ known, there, h, w });
    for (const { s, positions: all } of batches(h, w)) {
      const positions = holes ? all.slice(0, Math.max(sent - number, 0)) : all, x = new Float64Array(positions.length * inputs);
      positions.forEach((p, n) => {
        const row = Math.floor(p / w), column = p % w;
        let start = n * inputs;
        for (const [dy, dx] of NEAR) {
          const found = at(made[l], row + dy * s, column + dx * s);
          if (found >= 0) oneHot(chain, known, found, x, start);
          start += chain.S;
        }
        if (l) {
          const above = levels[l - 1].chain;
          for (const [dy, dx] of AROUND) {
            const found = at(made[l - 1], Math.floor(row / r) + dy, Math.floor(column / r) + dx);
            if (found >= 0) oneHot(above, made[l - 1].known, found, x, start);
            start += above.S;
          }
          x[start + (row % r) * r + (column % r)] = 1024;
          start += r * r;
        }
        x[start + Math.min(Math.log2(s), SCALES - 1)] = 1024;
      });
      const first = number;
      await readDigits(chain, x, positions, known, (sums, shift, n, i) => {
        const run = runs.find(({ start, stop }) => start <= first + n && first + n < stop);
        if (run) return run.stream.read(digitTable(sums, shift));
        const place = word[positions[n] * D + i] >>> 8, table = digitTable(sums, shift, sharp);
        let k = 0;
        while (table[k + 1] <= place) k++;
        return k;
      }, multiply);
      for (const p of positions) there[p] = 1;
      number += all.length;
    }
  }
  for (const { stream } of runs) stream.finish();
  const maps = made.map(({ known, there, h, w }, l) => tokensOf(levels[l].chain, known, h * w).map((token, p) => (there[p] ? token : -1)));
  return { sent, holes, maps, symbols: concatenated(maps.map(words)) };
}
