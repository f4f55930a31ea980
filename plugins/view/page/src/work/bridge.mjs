/**
 * Stage 2, the reconstructor `bridge`: from the preview to a picture that looks real, without noise.
 *
 * `gcodec_flow.reconstructor` in its steps: the flow's end point r in units of s, the preview's error, tile by tile; then
 * X = preview + s r, with r scaled back to a mean square of 1 where it is above.
 */

import { profiles } from './tiles.mjs';

const TILE = 1024;
const OVERLAP = 64;
const ALIGNMENT = 16;
const TIMES = [1, 0.5, 0];

/**
 * @param {import('./engine.mjs').Network} network
 * @param {Float32Array} preview [3, height, width] in [0, 1]
 * @param {number} height @param {number} width
 * @param {number} mse the preview's squared error
 * @param {(done: number, total: number) => void} progress
 * @returns {Promise<Float32Array>} [3, height, width] in [0, 1]
 */
export async function bridge(network, preview, height, width, mse, progress) {
  if (mse === 0) return preview;
  const s = Math.sqrt(mse);
  const r = await residual(network, preview, height, width, Math.log(s), progress);
  let energy = 0;
  for (const value of r) energy += value * value;
  const scale = s / Math.max(1, Math.sqrt(energy / r.length));
  return r.map((value, i) => Math.min(1, Math.max(0, preview[i] + scale * value)));
}

/**
 * @param {import('./engine.mjs').Network} network @param {Float32Array} preview
 * @param {number} height @param {number} width @param {number} logS
 * @param {(done: number, total: number) => void} progress
 */
async function residual(network, preview, height, width, logS, progress) {
  const aligned = (/** @type {number} */ n) => Math.ceil(n / ALIGNMENT) * ALIGNMENT;
  const rows = profiles(aligned(height), TILE, OVERLAP);
  const columns = profiles(aligned(width), TILE, OVERLAP);
  const result = new Float32Array(3 * height * width);
  const total = rows.length * columns.length * (TIMES.length - 1);
  let done = 0;
  for (const row of rows) {
    for (const column of columns) {
      const [h, w] = [row.weights.length, column.weights.length];
      const y = window(preview, height, width, row.start, column.start, h, w);
      const x = new Float32Array(y.length);
      for (let i = 1; i < TIMES.length; i++) {
        progress(done++, total);
        const [t, step] = [TIMES[i - 1], TIMES[i] - TIMES[i - 1]];
        const shape = [1, 3, h, w];
        const v = await network.run({ x_t: [x, shape], y: [y, shape], t: [[t], [1]], log_s: [[logS], [1]] });
        for (let j = 0; j < x.length; j++) x[j] += step * v[j];
      }
      for (let c = 0; c < 3; c++) {
        for (let i = 0; i < h && row.start + i < height; i++) {
          const to = (c * height + row.start + i) * width + column.start;
          for (let j = 0; j < w && column.start + j < width; j++) {
            result[to + j] += row.weights[i] * column.weights[j] * x[(c * h + i) * w + j];
          }
        }
      }
    }
  }
  progress(total, total);
  return result;
}

/** A window of [3, height, width]; beyond the picture its last row and column go on. */
function window(
  /** @type {Float32Array} */ picture,
  /** @type {number} */ height,
  /** @type {number} */ width,
  /** @type {number} */ top,
  /** @type {number} */ left,
  /** @type {number} */ h,
  /** @type {number} */ w,
) {
  const made = new Float32Array(3 * h * w);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < h; i++) {
      const from = (c * height + Math.min(top + i, height - 1)) * width;
      const to = (c * h + i) * w;
      for (let j = 0; j < w; j++) made[to + j] = picture[from + Math.min(left + j, width - 1)];
    }
  }
  return made;
}
