/** The reader of files, `gcodec-formats`, and of it what this page asks for. */
import { fromStream, decodeGroups, readGroups } from '/work/wt/js/formats/js/src/integer.js';
import { Stream, modelTables } from '/work/wt/js/formats/js/src/entropy.js';
import { readSafetensors } from '/work/wt/js/formats/js/src/model.js';
export { EMBEDDINGS, EXTENSIONS, content, embeddingName, read, splitCompanion } from 'gcodec-formats';
export async function ntcPayload(identity, payload, width, height, { weights, config }, matmul) {
  const tensors = readSafetensors(weights);
  const t0 = performance.now();
  const model = readGroups({ tensors, config });
  const tables = modelTables(tensors);
  const t1 = performance.now();
  const stream = new Stream(payload.subarray(2));
  const { latents } = await decodeGroups(model, Math.ceil(height / 16), Math.ceil(width / 16), payload[0], fromStream(stream, tables), matmul);
  stream.finish();
  console.log('symbols', t1 - t0, performance.now() - t1);
  return { level: payload[0], mse: payload[1] === 255 ? 0 : 10 ** (-payload[1] / 40), y: latents.data };
}
export function restoredFile() { throw new Error('not yet'); }
