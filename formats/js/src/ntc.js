/** Symbols of `ntc`: spec/embeddings/ntc.md. Below the linear mode the preview is a floating-point network's, which is not here. */
import { modelTables, Stream } from "./entropy.js";
import { ModelError, refuse } from "./errors.js";
import { decodeGroups, fromStream, matmul, readGroups } from "./integer.js";
import { decodeLinear, linearPreview, STEPS } from "./linear.js";
import { concatenated, demandClass, demandEmbedding, onlyLayer, prepared, words } from "./model.js";
import { decodeZoo } from "./zoo.js";

const MODELS = prepared((model) => {
  demandClass(model, "NtcModel");
  return { groups: readGroups(model), tables: modelTables(model.tensors, 134) };
});

/** @typedef {{data: ArrayLike<number>, h: number, w: number, C: number}} Values [h, w, C] */

/**
 * Level and error as sent, hyper-latents and latents in 1/16 steps, and the bytes that extension 5 is the digest of. Under a
 * model of the CompressAI zoo hyper-latents are symbols, and latents are in 2^-12. At level 255 of profile 7 there are neither,
 * but coefficients, a step, and a preview: a function that makes planes [3, height, width] in [0, 1].
 * @param {import("./container.js").File} file @param {import("./model.js").Model} model
 * @param {{matmul?: import("./integer.js").Matmul, networks?: import("./model.js").Model}} [options]
 *   matmul: a faster product of matrices, exact for integers to 2^50; networks: the model that one of profile 7 names, for lower levels
 * @returns {Promise<{level: number, error: number, symbols: Uint8Array, hyper?: Values, latents?: Values, step?: number, preview?: () => Float32Array}>}
 */
export async function ntcSymbols(file, model, options = {}) {
  demandEmbedding(file, "ntc");
  const payload = onlyLayer(file), { height, width } = file.header, multiply = options.matmul ?? matmul;
  if (model.config?._class_name === "NtcRange") {
    if (payload[0] === 255) return linear(model, payload, height, width);
    model = networksOf(model, options.networks);
  }
  if (payload.length < 2) refuse("a payload of fewer than two bytes");
  const stream = new Stream(payload.subarray(2)), [level, error] = payload;
  const grids = await (model.config?._class_name === "CompressAIModel" ? decodeZoo(model, stream, level, height, width, multiply)
    : decodeOwn(model, stream, level, height, width, multiply));
  stream.finish();
  return { level, error, ...grids, symbols: concatenated([payload.subarray(0, 2), words(grids.hyper.data), words(grids.latents.data)]) };
}

/** @param {import("./model.js").Model} model @param {Uint8Array} payload @param {number} height @param {number} width */
function linear(model, payload, height, width) {
  if (payload.length < 3) refuse("a payload of fewer than three bytes");
  const [level, error, step] = payload;
  if (step >= STEPS) refuse(`step ${step} of ${STEPS}`);
  const stream = new Stream(payload.subarray(3)), found = decodeLinear(model, stream, step, height, width);
  stream.finish();
  const bytes = new DataView(new ArrayBuffer(2 * found.data.length));
  for (let i = 0; i < found.data.length; i++) bytes.setInt16(2 * i, found.data[i], true);
  const symbols = concatenated([payload.subarray(0, 3), new Uint8Array(bytes.buffer)]);
  return { level, error, step, symbols, preview: () => linearPreview(model, found, step, height, width) };
}

/** The model that an NtcRange names. @param {import("./model.js").Model} model @param {import("./model.js").Model} [networks] */
function networksOf(model, networks) {
  const wanted = model.config.networks;
  if (!networks) throw new ModelError(`the file needs the model ${wanted} as well, as options.networks`);
  if (networks.digest !== wanted) throw new ModelError(`not the model ${wanted}`);
  return networks;
}

/** @param {import("./model.js").Model} model @param {Stream} stream @param {number} level @param {number} height @param {number} width @param {import("./integer.js").Matmul} multiply */
function decodeOwn(model, stream, level, height, width, multiply) {
  const { groups, tables } = MODELS(model);
  return decodeGroups(groups, Math.ceil(height / 16), Math.ceil(width / 16), level, fromStream(stream, tables), multiply);
}
