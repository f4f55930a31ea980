/** Pictures out of payloads: `show` makes what a layer says by itself, `restore` the picture of stage 2 from that. */

import * as reader from './reader.mjs';
import { bridge } from './bridge.mjs';
import { openDecoders } from './decoders.mjs';
import { METHODS } from './methods.mjs';
import { dressed, toPixels } from './pictures.mjs';

const [MAIN, COMPANION] = [0, 2];

/** Pixels up to which networks make a picture here; beyond, they would take minutes, and more memory than a page has. */
const LARGEST = 40e6;

/** @typedef {{status(text: string, share?: number): void, made(what: any): void}} Teller */

/** @param {ReturnType<typeof import('./engine.mjs').openEngine>} engine @param {import('./assets.mjs').Assets} assets */
export function openMaker(engine, assets) {
  const decoders = openDecoders(engine, assets);
  /** What was shown last, for stage 2. @type {{file: any, segment: number, planes: Float32Array, mse: number} | null} */
  let shown = null;

  /** @param {any} file @param {number} segment @param {Teller} tell */
  async function show(file, segment, tell) {
    const { width, height } = file.header;
    const started = performance.now();
    const alone = layer(file, segment);
    const how = METHODS[reader.embeddingName(alone.header.identity)].shown;
    if (how !== 'image' && width * height > LARGEST) {
      throw Object.assign(new Error(`the file claims ${width} × ${height} pixels, this page decodes ${LARGEST / 1e6} million`), { code: 'too-large' });
    }
    const made = await decoders[/** @type {'ntc'} */ (how)](alone, tell);
    const result = { file, segment, planes: made.planes, mse: made.mse };
    shown = result;
    // What extension 5 says is of the file's own layers.
    const same = alone.header.identity === file.header.identity ? reader.symbolsMatch(file, made.symbols) : null;
    const seen = await dressed(made.pixels, width, height, file.segments);
    tell.made({ is: 'picture', kind: 'preview', width, height, same, ...seen, seconds: since(started) });
    return result;
  }

  /** @param {any} file @param {number} segment @param {Teller} tell */
  async function restore(file, segment, tell) {
    const { width, height } = file.header;
    const { planes: preview, mse } = shown?.file === file && shown.segment === segment ? shown : await show(file, segment, tell);
    const started = performance.now();
    tell.status('Loading the bridge');
    const network = await engine.network('bridge', 'velocity.onnx', true);
    const planes = await bridge(network, preview, height, width, mse, (done, total) => tell.status('Adding detail', done / total));
    const seen = await dressed(toPixels(planes, width, height), width, height, file.segments);
    tell.made({ is: 'picture', kind: 'bridge', width, height, on: network.on, ...seen, seconds: since(started) });
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

const since = (/** @type {number} */ started) => (performance.now() - started) / 1000;
