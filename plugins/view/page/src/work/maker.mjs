/** Pictures out of payloads: `show` makes what a layer says by itself, `restore` the picture of stage 2 from that. */

import { embeddingName as nameOf, ntcPayload, restoredFile, splitCompanion } from './reader.mjs';
import { METHODS } from './methods.mjs';
import { bridge } from './bridge.mjs';
import { dressed, pixelsOf, toPixels, toPlanes } from './pictures.mjs';

const [MAIN, COMPANION] = [0, 2];
const BLOCK = 16;
const LEVELS = 256;

/** @typedef {{wanted(): boolean, status(text: string, share?: number): void, made(what: any): void}} Teller */

/** @param {ReturnType<typeof import('./engine.mjs').openEngine>} engine */
export function openMaker(engine) {
  /** What was shown last, for stage 2. @type {{file: any, segment: number, planes: Float32Array, mse: number} | null} */
  let shown = null;

  /** @param {any} file @param {number} segment @param {Teller} tell */
  async function show(file, segment, tell) {
    const { width, height } = file.header;
    const started = performance.now();
    const { identity, payload } = layer(file, segment);
    const how = METHODS[nameOf(identity)]?.shown;
    const made = how === 'ntc' ? await preview(identity, payload, width, height, tell) : await decoded(identity, payload, file.header, tell);
    if (!made) return;
    shown = { file, segment, planes: made.planes, mse: made.mse };
    const seen = await dressed(made.pixels, width, height, file.segments);
    tell.made({ is: 'picture', kind: 'preview', width, height, mse: made.mse, ...seen, seconds: since(started) });
  }

  /** @param {any} identity @param {Uint8Array} payload @param {number} width @param {number} height @param {Teller} tell */
  async function preview(identity, payload, width, height, tell) {
    tell.status('Loading the decoder');
    const [weights, synthesis] = await Promise.all([engine.model('ntc'), engine.network('ntc', 'synthesis.onnx')]);
    tell.status('Decoding');
    const { level, mse, y } = await ntcPayload(identity, payload, width, height, weights, engine.matmul);
    if (!tell.wanted()) return null;
    const [h, w] = [Math.ceil(height / BLOCK), Math.ceil(width / BLOCK)];
    const channels = y.length / (h * w);
    const steps = new Float32Array(y.length);
    for (let i = 0; i < h * w; i++) {
      for (let c = 0; c < channels; c++) steps[c * h * w + i] = y[i * channels + c] / 16;
    }
    const x = await synthesis.run({ y: [steps, [1, channels, h, w]], q: [[level / (LEVELS - 1)], [1]] });
    const planes = cropped(x, h * BLOCK, w * BLOCK, height, width);
    return { planes, mse, pixels: toPixels(planes, width, height) };
  }

  /** @param {any} identity @param {Uint8Array} payload @param {any} header @param {Teller} tell */
  async function decoded(identity, payload, header, tell) {
    const { type, bytes, mse } = restoredFile(identity, payload, header);
    tell.made({ is: 'body', type, bytes: bytes.slice() });
    /** @type {ImageBitmap} */
    let bitmap;
    try {
      const plain = { colorSpaceConversion: /** @type {const} */ ('none'), premultiplyAlpha: /** @type {const} */ ('none') };
      bitmap = await createImageBitmap(new Blob([/** @type {any} */ (bytes)], { type }), plain);
    } catch {
      throw Object.assign(new Error(`this browser shows no ${type}, or the picture in the file is damaged`), { code: 'cannot-show' });
    }
    if (bitmap.width !== header.width || bitmap.height !== header.height) {
      throw Object.assign(new Error('the picture inside is of another size than the file says'), { code: 'bad-payload' });
    }
    const pixels = pixelsOf(bitmap);
    return { planes: toPlanes(pixels), mse, pixels };
  }

  /** @param {any} file @param {number} segment @param {Teller} tell */
  async function restore(file, segment, tell) {
    const { width, height } = file.header;
    if (shown?.file !== file || shown.segment !== segment) await show(file, segment, tell);
    if (!shown || !tell.wanted()) return;
    const started = performance.now();
    tell.status('Loading the bridge');
    const network = await engine.network('bridge', 'velocity.onnx', true);
    const planes = await bridge(network, shown.planes, height, width, shown.mse, (done, total) => {
      if (!tell.wanted()) throw Object.assign(new Error('another file is wanted'), { code: 'not-wanted' });
      tell.status('Adding detail', done / total);
    });
    const seen = await dressed(toPixels(planes, width, height), width, height, file.segments);
    tell.made({ is: 'picture', kind: 'bridge', width, height, ...seen, seconds: since(started) });
  }

  return { show, restore };
}

/** @param {any} file @param {number} segment */
function layer({ header, segments }, segment) {
  const { type, body } = segments[segment];
  if (type === COMPANION) return splitCompanion(body);
  if (type !== MAIN) throw new Error('not a layer');
  return { identity: header.identity, payload: body };
}

/** The upper left [3, height, width] of [3, h, w], within [0, 1]. */
function cropped(
  /** @type {Float32Array} */ x,
  /** @type {number} */ h,
  /** @type {number} */ w,
  /** @type {number} */ height,
  /** @type {number} */ width,
) {
  const planes = new Float32Array(3 * height * width);
  for (let c = 0, to = 0; c < 3; c++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) planes[to++] = Math.min(1, Math.max(0, x[(c * h + i) * w + j]));
    }
  }
  return planes;
}

const since = (/** @type {number} */ started) => (performance.now() - started) / 1000;
