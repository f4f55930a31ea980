/**
 * What this reader makes of files that come on standard input, each behind its length (u32, little-endian): one line of
 * JSON for each, in the words of differential.py.
 */
import { createHash } from "node:crypto";

import { content, FormatError, info, read } from "../src/index.js";

/** @param {() => any} work @returns {any} its answer, or the code of its refusal */
function answered(work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof FormatError) return error.code;
    throw error;
  }
}

/** @param {Uint8Array} bytes */
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

/** @param {Uint8Array} data @param {boolean} partial */
const answer = (data, partial) => answered(() => {
  const file = read(data, { partial });
  const { layout, extensions, width, height, embedding, model, progressive, payload, overhead } = info(file, data.length);
  const rows = layout.map((row) => [row.offset, row.bytes, row.part]);
  return {
    rows, extensions, width, height, embedding, model, progressive, payload, overhead, missing: file.missing,
    contents: file.segments.map((segment) => answered(() => digest(content(segment)))),
  };
});

let rest = Buffer.alloc(0);
process.stdin.on("data", (chunk) => {
  rest = Buffer.concat([rest, /** @type {Buffer} */ (chunk)]);
  const lines = [];
  let at = 0;
  for (; rest.length - at >= 4 && rest.length - at - 4 >= rest.readUInt32LE(at); ) {
    const data = new Uint8Array(rest.subarray(at + 4, at + 4 + rest.readUInt32LE(at)));
    at += 4 + data.length;
    lines.push(JSON.stringify([answer(data, false), answer(data, true)]));
  }
  rest = rest.subarray(at);
  if (lines.length) process.stdout.write(`${lines.join("\n")}\n`);
});
