/** Pictures of the report, decoded when they are looked at, and how far two of them are apart. */

import { partInside } from '../client.mjs';

/** So many stay decoded: those looked at last. */
const KEPT = 24;

/** @type {Map<string, Promise<HTMLCanvasElement>>} */
const decoded = new Map();

/**
 * @param {{part: string, type?: string, bytes?: Uint8Array}} picture bytes: where they are at hand, and not in this page
 * @returns {Promise<HTMLCanvasElement>} one for all who ask
 */
export function canvasOf({ part, type = 'image/png', bytes }) {
  const made = decoded.get(part) ?? decode(type, bytes ?? partInside(part));
  decoded.delete(part);
  decoded.set(part, made);
  for (const oldest of [...decoded.keys()].slice(0, Math.max(0, decoded.size - KEPT))) decoded.delete(oldest);
  return made;
}

/** @param {string} type @param {Uint8Array | Promise<Uint8Array | null>} held */
async function decode(type, held) {
  const bytes = await held;
  if (!bytes) throw new Error('the picture is not in this page, which is damaged');
  const bitmap = await createImageBitmap(new Blob([/** @type {any} */ (bytes)], { type }));
  const canvas = blank(bitmap.width, bitmap.height);
  context(canvas).drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}

/** @param {number} width @param {number} height */
const blank = (width, height) => Object.assign(document.createElement('canvas'), { width, height });

/** @param {HTMLCanvasElement} canvas @returns {any} */
const context = (canvas) => canvas.getContext('2d', { willReadFrequently: true });

/** Colours from no difference to the largest that is told apart; the page's `.ramp` has them too. */
const STOPS = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];

const RAMP = Uint8Array.from({ length: 3 * 256 }, (_, i) => {
  const at = (Math.floor(i / 3) / 255) * (STOPS.length - 1);
  const low = Math.min(STOPS.length - 2, Math.floor(at));
  return Math.round(STOPS[low][i % 3] + (at - low) * (STOPS[low + 1][i % 3] - STOPS[low][i % 3]));
});

/**
 * The mean over red, green and blue of |a - b|, as a picture. Null where sizes differ.
 * @param {HTMLCanvasElement} a @param {HTMLCanvasElement} b @param {number} top the difference, of 255, that is brightest
 */
export function difference(a, b, top) {
  if (b.width !== a.width || b.height !== a.height) return null;
  return heat([a, b], top, ([one, other], i) => (Math.abs(one[i] - other[i]) + Math.abs(one[i + 1] - other[i + 1]) + Math.abs(one[i + 2] - other[i + 2])) / 3);
}

/** The error to expect of each pixel, as a picture. @param {HTMLCanvasElement} map gray, 4 to a level @param {number} top */
export const expected = (map, top) => heat([map], top, ([one], i) => one[i] / 4);

/** @param {HTMLCanvasElement[]} of @param {number} top @param {(data: Uint8ClampedArray[], i: number) => number} value of the pixel at byte i */
function heat(of, top, value) {
  const { width, height } = of[0];
  const canvas = blank(width, height);
  const to = context(canvas);
  // A band at a time: three copies of a large picture are more than some phones have.
  const rows = Math.max(1, Math.floor(1e6 / width));
  for (let y = 0; y < height; y += rows) {
    const count = Math.min(rows, height - y);
    const data = of.map((canvas) => context(canvas).getImageData(0, y, width, count).data);
    const made = new ImageData(width, count);
    for (let i = 0; i < made.data.length; i += 4) {
      const shade = 3 * Math.min(255, Math.round((255 * value(data, i)) / top));
      made.data[i] = RAMP[shade];
      made.data[i + 1] = RAMP[shade + 1];
      made.data[i + 2] = RAMP[shade + 2];
      made.data[i + 3] = 255;
    }
    to.putImageData(made, 0, y);
  }
  return canvas;
}
