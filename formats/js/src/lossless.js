/** The samples of `lossless`: spec/embeddings/lossless.md. */
import { MAIN } from "./container.js";
import { Stream } from "./entropy.js";
import { refuse } from "./errors.js";
import { clip, matmul } from "./integer.js";
import { readFew, signed } from "./lossless-few.js";
import { LAWS, naturals, readPlanes } from "./lossless-law.js";
import { concatenated, demandEmbedding } from "./model.js";

const COLOUR = 1, DEEP = 2, ROUNDED = 4, OTHER = 8, FEW = 16, BESIDE = 32;
const div = (/** @type {number} */ a, /** @type {number} */ b) => Math.floor(a / b);

/** Red, green and blue of luma and chromas (section 8), before they are cut. @type {((y: number, a: number, b: number) => [number, number, number])[]} */
const MADE = [
  (y, a, b) => {
    const light = 13584 * y, U = 22179 * (a - 156), V = 18215 * (b - 137);
    return [div(light + V, 10000), div(light - 1940 * div(U, 10000) - 5090 * div(V, 10000) - 1, 10000), div(light + U, 10000)];
  },
  (y, a, b) => [
    y + div(91881 * (b - 128) + 32768, 65536), y + div(32768 - 22554 * (a - 128) - 46802 * (b - 128), 65536),
    y + div(116130 * (a - 128) + 32768, 65536)],
  (y, a, b) => {
    const light = div(19077 * y, 256);
    return [
      div(light + div(26149 * b, 256) - 14234, 64), div(light - div(6419 * a, 256) - div(13320 * b, 256) + 8708, 64),
      div(light + div(33050 * a, 256) - 17685, 64)];
  },
];

/** Green, red and blue of luma and chromas, then what is not so. @param {Stream} stream @param {Float64Array} parts @param {number} way */
function fromParts(stream, parts, way) {
  const n = parts.length / 3, planes = new Float64Array(3 * n);
  for (let i = 0; i < n; i++) {
    const colours = MADE[way - 1](parts[i], parts[n + i], parts[2 * n + i]);
    [1, 0, 2].forEach((colour, c) => { planes[c * n + i] = clip(colours[colour], 0, 255); });
  }
  const [count] = naturals(stream, 1);
  if (count > n) refuse(`${count} pixels to put right, of ${n}`);
  let at = -1;
  const places = Array.from(naturals(stream, count), (gap) => (at += gap + 1));
  if (at >= n) refuse(`a pixel to put right beyond ${n}`);
  naturals(stream, 3 * count).forEach((step, i) => { planes[Math.floor(i / count) * n + places[i % count]] += signed(step); });
  if (places.some((i) => [0, 1, 2].some((c) => planes[c * n + i] < 0 || planes[c * n + i] > 255))) refuse("a sample beyond 0 to 255");
  return planes;
}

/**
 * The samples in units of 1 / top, [C, height, width]: green, red, blue or gray; the picture of them, [height, width, 3] in
 * [0, 1]; the error as sent, of which 255 is none.
 * @param {import("./container.js").File} file @param {import("./model.js").Model} model
 * @param {{matmul?: import("./integer.js").Matmul}} [options]
 */
export async function losslessSymbols(file, model, options = {}) {
  demandEmbedding(file, "lossless");
  const { height, width } = file.header, laws = LAWS(model), multiply = options.matmul ?? matmul;
  const layers = file.segments.filter((segment) => segment.type === MAIN).map((segment) => segment.body);
  if (layers.length !== 1 || layers[0].length < 2) refuse("one layer of two bytes or more is due");
  const [[head, error, way]] = layers, begin = layers[0].slice(0, head & OTHER ? 3 : 2);
  const plain = (head & ~OTHER) === COLOUR;
  if (head & OTHER && way >= BESIDE && way <= BESIDE + MADE.length)
    refuse("it was made with a companion, which this reader does not take; `gcodec decode` does");
  if ((head & ROUNDED && !(head & DEEP)) || (head & OTHER && way !== FEW && !(plain && way >= 1 && way <= MADE.length)))
    refuse(`a payload does not begin with ${head}, ${way}`);
  const C = head & COLOUR ? 3 : 1, top = head & DEEP ? 65535 : 255, step = 1 + 2 * (head >> 4) * (head & DEEP ? 257 : 1);
  const most = div(top + div(step, 2), step), stream = new Stream(layers[0].subarray(begin.length));
  let sent = head & OTHER && way === FEW ? readFew(stream, height, width, C, most) : await readPlanes(laws, stream, height, width, C, most, multiply);
  if (head & OTHER && way !== FEW) sent = fromParts(stream, sent, way);
  stream.finish();

  const samples = Uint16Array.from(sent, (n) => Math.min(n * step, top)), bytes = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((sample, i) => bytes.setUint16(2 * i, sample, true));
  const n = height * width, picture = new Float32Array(3 * n);
  for (let i = 0; i < 3 * n; i++) picture[i] = samples[C === 1 ? Math.floor(i / 3) : [n, 0, 2 * n][i % 3] + Math.floor(i / 3)] / top;
  return { error, top, samples, picture, symbols: concatenated([begin, new Uint8Array(bytes.buffer)]) };
}
