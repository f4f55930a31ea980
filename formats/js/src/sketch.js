/** Caption, colours and edges of `text_sketch`: spec/embeddings/text_sketch.md. */
import { decodeCaption } from "./captions.js";
import COUNTS from "./data/sketch.js";
import { filledTable, Stream } from "./entropy.js";
import { refuse } from "./errors.js";
import { frozen } from "./frozen.js";
import { diagonals } from "./integer.js";
import { demandEmbedding, onlyLayer } from "./model.js";

const SPREAD = [54, 15, 13], MEAN = [150, 55, 45];
const SIDES = [0, 64, 48, 40, 32, 28, 24, 20, 16, 14, 12, 11, 10, 9, 8, 7, 6, 5, 4];
const DIGEST = "a23eb5b26afbf2b15fe4cb864d9180af47bc8a60876c8847f7a98d4cf592016c";

/** Floor of the square root of an exact integer. @param {number} n */
function isqrt(n) {
  const x = Math.floor(Math.sqrt(n));
  return x * x > n ? x - 1 : (x + 1) * (x + 1) <= n ? x + 1 : x;
}

/** row(M, q) of section 2. @param {number} M @param {number} q */
function row(M, q) {
  const U = q * 1e6, theta = Math.floor(((isqrt((M * M + U) * 2 ** 20) - isqrt(U * 2 ** 20)) * 65536) / (M * 1024));
  const w = [2 ** 30];
  for (let k = 1; k < 96; k++) w.push(Math.floor((w[k - 1] * theta) / 65536));
  const T = BigInt(2 * w.reduce((x, y) => x + y, 0) - w[0]);
  // w times 2^24 needs 54 bits
  const once = w.map((x) => 1 + Number((BigInt(x) * BigInt(2 ** 24 - 191)) / T));
  return filledTable(Float64Array.from({ length: 191 }, (_, p) => once[(p + 1) >> 1]));
}

/** Steps of the colours that are sent, in the order of section 2; the others are 0. @param {Stream} stream @param {number} n @param {number} H @param {number} W */
function readColours(stream, n, H, W) {
  const L = Math.max(H, W), S = Math.min(H, W), tables = new Map(), coefficients = [];
  for (let plane = 0; plane < 3; plane++) {
    const reach = Math.floor((8 * SPREAD[plane] * n) / 1000), M = SPREAD[plane] * n, most = (8 * M) ** 2;
    for (let u = 0; u <= Math.min(H - 1, reach); u++)
      for (let v = 0; v <= Math.min(W - 1, reach); v++) {
        const [a, b] = H >= W ? [u, v] : [v, u], q = a * a + Math.floor((b * b * L * L) / (S * S));
        if ((u || v) && q * 1e6 > most) continue;
        const key = u || v ? `${M} ${q}` : `mean ${plane}`;
        if (!tables.has(key)) tables.set(key, u || v ? row(M, q) : row(MEAN[plane] * n, 1));
        const p = stream.read(tables.get(key));
        coefficients.push({ plane, u, v, steps: p & 1 ? (p + 1) / 2 : -p / 2 });
      }
  }
  return coefficients;
}

/** Strengths of the cells, row by row (section 3). @param {Stream} stream @param {number} h @param {number} w */
function readCells(stream, h, w) {
  const text = new TextDecoder().decode(frozen(COUNTS, DIGEST)).trim();
  const c = text.split("\n").map((line) => line.trim().split(/\s+/).map(Number)), cells = new Uint8Array(h * w);
  /** @param {number} y @param {number} x */
  const cell = (y, x) => (y < 0 || x < 0 || x >= w ? 3 : cells[y * w + x]);
  for (const wave of diagonals(h, w, 2)) {
    const read = [];
    for (const at of wave) {
      const y = Math.floor(at / w), x = at % w;
      const W = cell(y, x - 1), N = cell(y - 1, x), NW = cell(y - 1, x - 1), NE = cell(y - 1, x + 1);
      const near = isqrt(2 * (4 * W + 4 * N + 2 * NW + 2 * NE + cell(y, x - 2) + cell(y - 2, x)));
      const rough = Math.floor((Math.abs(W - NW) + Math.abs(N - NW) + Math.abs(N - NE) + 1) / 2);
      const A = c[4 * near + Math.min(rough, 3)], B = c[76 + 8 * Math.min(W, 7) + Math.min(N, 7)];
      const s = A.map((n, k) => n + B[k]), T = s.reduce((p, q) => p + q, 0);
      const k = stream.read(filledTable(s.map((n) => 1 + Math.floor((n * (2 ** 24 - 13)) / T))));
      cells[at] = k;
      read.push({ A, B, k });
    }
    for (const { A, B, k } of read) {
      A[k] += 16;
      B[k] += 16;
    }
  }
  return cells;
}

/**
 * Everything that is exact: the caption, colours in steps of 1/n (null where none are sent), strengths 0 to 12 of h x w cells
 * of `side` samples, and the error as sent.
 * @param {import("./container.js").File} file
 */
export function sketchSymbols(file) {
  demandEmbedding(file, "text_sketch");
  const layer = onlyLayer(file), { height: H, width: W } = file.header;
  if (layer.length < 3) refuse("a payload of fewer than three bytes");
  const [settings, error] = layer, level = settings & 31, long = Boolean(settings & 64), from = long ? 4 : 3;
  const length = layer[2] + (long ? 256 * layer[3] : 0);
  if (level > 18 || settings & 128) refuse(`settings of ${settings}`);
  if (layer.length < from + length || (long && length <= 255)) refuse("a caption that the layer does not hold");
  const caption = decodeCaption(layer.subarray(from, from + length));
  const stream = new Stream(layer.subarray(from + length)), n = 24 + 6 * level, side = level ? SIDES[level] : Math.max(H, W);
  const h = Math.ceil(H / side), w = Math.ceil(W / side);
  const colours = settings & 32 ? readColours(stream, n, H, W) : null, cells = readCells(stream, h, w);
  stream.finish();
  return { caption, level, error, n, side, h, w, colours, cells, symbols: layer };
}
