/** Symbols of `ntc`: spec/embeddings/ntc.md. The preview is a floating-point network's, which is not here. */
import { modelTables, Stream } from "./entropy.js";
import { refuse } from "./errors.js";
import { decodeGroups, fromStream, matmul, readGroups } from "./integer.js";
import { concatenated, demandClass, demandEmbedding, onlyLayer, prepared, words } from "./model.js";
import { decodeZoo } from "./zoo.js";

const MODELS = prepared((model) => {
  demandClass(model, "NtcModel");
  return { groups: readGroups(model), tables: modelTables(model.tensors, 134) };
});

/**
 * Level and error as sent, hyper-latents and latents in 1/16 steps, and the bytes that extension 5 is the digest of. Under a
 * model of the CompressAI zoo hyper-latents are symbols, and latents are in 2^-12.
 * @param {import("./container.js").File} file @param {import("./model.js").Model} model
 * @param {{matmul?: import("./integer.js").Matmul}} [options] a faster product of matrices, exact for integers to 2^50
 */
export async function ntcSymbols(file, model, options = {}) {
  demandEmbedding(file, "ntc");
  const payload = onlyLayer(file), { height, width } = file.header, multiply = options.matmul ?? matmul;
  if (payload.length < 2) refuse("a payload of fewer than two bytes");
  const stream = new Stream(payload.subarray(2)), [level, error] = payload;
  const grids = await (model.config?._class_name === "CompressAIModel" ? decodeZoo(model, stream, level, height, width, multiply)
    : decodeOwn(model, stream, level, height, width, multiply));
  stream.finish();
  return { level, error, ...grids, symbols: concatenated([payload.subarray(0, 2), words(grids.hyper.data), words(grids.latents.data)]) };
}

/** @param {import("./model.js").Model} model @param {Stream} stream @param {number} level @param {number} height @param {number} width @param {import("./integer.js").Matmul} multiply */
function decodeOwn(model, stream, level, height, width, multiply) {
  const { groups, tables } = MODELS(model);
  return decodeGroups(groups, Math.ceil(height / 16), Math.ceil(width / 16), level, fromStream(stream, tables), multiply);
}
