/** Pictures out of payloads: `show` makes what a layer says by itself, `restore` the picture of stage 2 from that. */

import * as reader from './reader.mjs';
import { WEIGHTS, once } from './engine.mjs';
import { METHODS } from './methods.mjs';
import { bridge } from './bridge.mjs';
import { dressed, pixelsOf, toPixels, toPlanes } from './pictures.mjs';

const [MAIN, COMPANION] = [0, 2];
const BLOCK = 16;
const LEVELS = 256;
const LOSSLESS = 255;

/** @typedef {{wanted(): boolean, status(text: string, share?: number): void, made(what: any): void}} Teller */

/** @param {ReturnType<typeof import('./engine.mjs').openEngine>} engine @param {import('./assets.mjs').Assets} assets */
export function openMaker(engine, assets) {
  /** The model of ntc, and its digest. */
  const model = once(async () => {
    const names = ['config.json', WEIGHTS];
    const parts = await Promise.all(names.map((name) => assets.get(`models/ntc/${name}`)));
    const files = Object.fromEntries(names.map((name, i) => [name, parts[i]]));
    return { opened: reader.openModel(files), digest: reader.modelDigest(files) };
  });

  /** What was shown last, for stage 2. @type {{file: any, segment: number, planes: Float32Array, mse: number} | null} */
  let shown = null;

  /** @param {any} file @param {number} segment @param {Teller} tell */
  async function show(file, segment, tell) {
    const { width, height } = file.header;
    const started = performance.now();
    const alone = layer(file, segment);
    const how = METHODS[reader.embeddingName(alone.header.identity)]?.shown;
    const made = how === 'ntc' ? await preview(alone, tell) : await decoded(alone, tell);
    if (!made) return;
    shown = { file, segment, planes: made.planes, mse: made.mse };
    // What extension 5 says is of the file's own layers.
    const same = alone.header.identity === file.header.identity ? reader.symbolsMatch(file, made.symbols) : null;
    const seen = await dressed(made.pixels, width, height, file.segments);
    tell.made({ is: 'picture', kind: 'preview', width, height, same, ...seen, seconds: since(started) });
  }

  /** @param {any} file of one layer @param {Teller} tell */
  async function preview(file, tell) {
    const { width, height, identity } = file.header;
    tell.status('Loading the decoder');
    const [{ opened, digest }, synthesis] = await Promise.all([model(), engine.network('ntc', 'synthesis.onnx')]);
    if (!reader.isModelOf(identity, digest)) {
      throw new reader.ModelError(`the file was coded with ${reader.modelName(identity)}, this page has ${digest.slice(0, 16)}`);
    }
    tell.status('Decoding');
    const { level, error, latents, symbols } = await reader.ntcSymbols(file, opened, { matmul: engine.matmul });
    if (!tell.wanted()) return null;
    const { data, h, w, C } = latents;
    const steps = new Float32Array(data.length);
    for (let i = 0; i < h * w; i++) {
      for (let c = 0; c < C; c++) steps[c * h * w + i] = data[i * C + c] / 16;
    }
    const x = await synthesis.run({ y: [steps, [1, C, h, w]], q: [[level / (LEVELS - 1)], [1]] });
    const planes = cropped(x, h * BLOCK, w * BLOCK, height, width);
    return { planes, mse: toMse(error), pixels: toPixels(planes, width, height), symbols };
  }

  /** @param {any} file of one layer @param {Teller} tell */
  async function decoded(file, tell) {
    const { type, bytes, error, symbols } = reader.body(file);
    tell.made({ is: 'body', type, bytes: bytes.slice() });
    /** @type {ImageBitmap} */
    let bitmap;
    try {
      const plain = { colorSpaceConversion: /** @type {const} */ ('none'), premultiplyAlpha: /** @type {const} */ ('none') };
      bitmap = await createImageBitmap(new Blob([/** @type {any} */ (bytes)], { type }), plain);
    } catch {
      throw Object.assign(new Error(`this browser shows no ${type}, or the picture in the file is damaged`), { code: 'cannot-show' });
    }
    if (bitmap.width !== file.header.width || bitmap.height !== file.header.height) {
      throw Object.assign(new Error('the picture inside is of another size than the file says'), { code: 'bad-payload' });
    }
    const pixels = pixelsOf(bitmap);
    return { planes: toPlanes(pixels), mse: toMse(error), pixels, symbols };
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

/** A file as its layers make it, or a companion as a file of its own. @param {any} file @param {number} segment */
function layer({ header, segments }, segment) {
  const { type, body } = segments[segment];
  if (type !== COMPANION) return { header, segments };
  const { identity, payload } = reader.splitCompanion(body);
  return { header: { ...header, identity }, segments: [{ type: MAIN, body: payload }] };
}

/** The squared error that a byte says. @param {number} error */
const toMse = (error) => (error === LOSSLESS ? 0 : 10 ** (-error / 40));

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
