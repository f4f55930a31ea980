/** Stage 1, a function for each way in which METHODS shows a picture: from a file of one layer to its preview. */

import * as reader from './reader.mjs';
import { WEIGHTS, once } from './engine.mjs';
import { pixelsOf, toPixels, toPlanes } from './pictures.mjs';

const BLOCK = 16;
const LEVELS = 256;
const LOSSLESS = 255;
const MAIN = 0;
/** The level of `ntc` without networks. */
const LINEAR = 255;

/**
 * @typedef {{planes: Float32Array, pixels: Uint8ClampedArray, mse: number, symbols: Uint8Array}} Made
 *   planes [3, height, width] in [0, 1]; mse as sent, NaN where it is not
 * @typedef {import('./maker.mjs').Teller} Teller
 */

/** @param {ReturnType<typeof import('./engine.mjs').openEngine>} engine @param {import('./assets.mjs').Assets} assets */
export function openDecoders(engine, assets) {
  const models = { ntc: once(() => opened('ntc')), ntc_range: once(() => opened('ntc_range')), ldm: once(() => opened('ldm')) };

  /** @param {string} name of the model of an embedding */
  async function opened(name) {
    const names = ['config.json', WEIGHTS];
    const parts = await Promise.all(names.map((part) => assets.get(`models/${name}/${part}`)));
    const files = Object.fromEntries(names.map((part, i) => [part, parts[i]]));
    return { model: reader.openModel(files), digest: reader.modelDigest(files) };
  }

  /** Raises where a model is not the one that a file names. @param {any} file @param {string} digest */
  function demand(file, digest) {
    const { identity } = file.header;
    if (!reader.isModelOf(identity, digest)) {
      throw new reader.ModelError(`the file was coded with ${reader.modelName(identity)}, this page has ${digest.slice(0, 16)}`);
    }
  }

  /** @param {any} file @param {Teller} tell @returns {Promise<Made>} */
  async function ntc(file, tell) {
    const { width, height, identity } = file.header;
    tell.status('Loading the decoder');
    const range = await models.ntc_range();
    const whole = reader.isModelOf(identity, range.digest);
    if (whole && file.segments.find((/** @type {any} */ { type }) => type === MAIN)?.body[0] === LINEAR) {
      tell.status('Decoding');
      const told = await reader.ntcSymbols(file, range.model);
      const planes = told.preview();
      return { planes, mse: toMse(told.error), pixels: toPixels(planes, width, height), symbols: told.symbols };
    }
    const [lower, network] = await Promise.all([models.ntc(), engine.network('ntc', 'synthesis.onnx')]);
    if (!whole) demand(file, lower.digest);
    tell.status('Decoding');
    const model = whole ? range.model : lower.model;
    const { level, error, latents, symbols } = await reader.ntcSymbols(file, model, { matmul: engine.matmul, networks: lower.model });
    const { h, w, C } = latents;
    const y = channelsFirst(latents, (value) => value / 16);
    const x = await network.run({ y: [y, [1, C, h, w]], q: [[level / (LEVELS - 1)], [1]] });
    const planes = cropped(x, h * BLOCK, w * BLOCK, height, width);
    return { planes, mse: toMse(error), pixels: toPixels(planes, width, height), symbols };
  }

  /** `ldm_quant` and `rate_variable`: latents of the autoencoder. @param {any} file @param {Teller} tell @returns {Promise<Made>} */
  async function latent(file, tell) {
    const { width, height, identity } = file.header;
    tell.status('Loading the decoder');
    const [{ model, digest }, network] = await Promise.all([models.ldm(), engine.network('autoencoder', 'decoder.onnx')]);
    demand(file, digest);
    tell.status('Decoding');
    const read = reader.embeddingName(identity) === 'ldm_quant' ? reader.ldmQuantSymbols : reader.rateVariableSymbols;
    const told = await read(file, model, { matmul: engine.matmul });
    const { h, w, C } = told.latents;
    const [k, u] = [told.latents.k, told.u];
    const value = k && u ? (/** @type {number} */ v, /** @type {number} */ i) => (v + k[i]) / 16 - u[i] / 2 ** 24 : (/** @type {number} */ v) => v / 16;
    const z = channelsFirst(told.latents, (v, i) => told.binWidth * value(v, i));
    const x = await network.run({ z: [z, [1, C, h, w]] });
    const side = Math.sqrt(x.length / (3 * h * w));
    const planes = cropped(x, h * side, w * side, height, width);
    return { planes, mse: NaN, pixels: toPixels(planes, width, height), symbols: told.symbols };
  }

  /** What the browser decodes by itself. @param {any} file @param {Teller} tell @returns {Promise<Made>} */
  async function image(file, tell) {
    const { type, bytes, error, symbols } = reader.body(file);
    tell.made({ is: 'body', type, bytes: bytes.slice() });
    const bitmap = await bitmapOf(bytes, type);
    if (bitmap.width !== file.header.width || bitmap.height !== file.header.height) {
      throw Object.assign(new Error('the picture inside is of another size than the file says'), { code: 'bad-payload' });
    }
    const pixels = pixelsOf(bitmap);
    return { planes: toPlanes(pixels), mse: toMse(error), pixels, symbols };
  }

  return { ntc, latent, image };
}

/** Samples as they are coded: what a profile says of them is applied later. @param {Uint8Array} bytes @param {string} type */
async function bitmapOf(bytes, type) {
  try {
    return await createImageBitmap(new Blob([/** @type {any} */ (bytes)], { type }), { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch {
    throw Object.assign(new Error(`this browser shows no ${type}, or the picture in the file is damaged`), { code: 'cannot-show' });
  }
}

/** Latents [h, w, C] as [C, h, w]. @param {{data: ArrayLike<number>, h: number, w: number, C: number}} latents @param {(value: number, i: number) => number} of */
function channelsFirst({ data, h, w, C }, of) {
  const made = new Float32Array(data.length);
  for (let at = 0, i = 0; at < h * w; at++) {
    for (let c = 0; c < C; c++, i++) made[c * h * w + at] = of(data[i], i);
  }
  return made;
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
