/** From samples to something that a canvas can draw: with the file's transparency and colour profile. */

import { content } from './reader.mjs';
import { withProfile } from './png.mjs';

const [ICC, ALPHA] = [1, 4];

/** @typedef {{type: number, body: Uint8Array}} Segment */

/**
 * 8-bit samples of planes, rounded as `gcodec decode` rounds them.
 * @param {Float32Array} planes [3, height, width] in [0, 1]
 * @param {number} width @param {number} height
 */
export function toPixels(planes, width, height) {
  const many = width * height;
  const pixels = new Uint8ClampedArray(4 * many);
  for (let i = 0; i < many; i++) {
    pixels[4 * i] = Math.floor(255 * planes[i] + 0.5);
    pixels[4 * i + 1] = Math.floor(255 * planes[many + i] + 0.5);
    pixels[4 * i + 2] = Math.floor(255 * planes[2 * many + i] + 0.5);
    pixels[4 * i + 3] = 255;
  }
  return pixels;
}

/** Planes of a picture that the browser decoded. @param {Uint8ClampedArray} pixels */
export function toPlanes(pixels) {
  const many = pixels.length / 4;
  const planes = new Float32Array(3 * many);
  for (let i = 0; i < many; i++) {
    for (let c = 0; c < 3; c++) planes[c * many + i] = pixels[4 * i + c] / 255;
  }
  return planes;
}

/** @param {ImageBitmap} bitmap @returns {Uint8ClampedArray} */
export function pixelsOf(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
}

/**
 * What a canvas draws: samples, or a bitmap where a profile had to be applied.
 * @param {Uint8ClampedArray} pixels opaque; changed
 * @param {number} width @param {number} height @param {Segment[]} segments of the file
 * @returns {Promise<{pixels?: Uint8ClampedArray, bitmap?: ImageBitmap}>}
 */
export async function dressed(pixels, width, height, segments) {
  const alpha = segments.find(({ type }) => type === ALPHA);
  if (alpha) {
    const [samples, bytes] = [content(alpha), alpha.body[0] / 8];
    for (let i = 0; i < width * height; i++) pixels[4 * i + 3] = samples[bytes * i];
  }
  const profile = segments.find(({ type }) => type === ICC);
  if (!profile) return { pixels };
  try {
    const file = await withProfile(pixels, width, height, content(profile));
    return { bitmap: await createImageBitmap(file) };
  } catch {
    return { pixels }; // a profile that the browser does not take
  }
}
