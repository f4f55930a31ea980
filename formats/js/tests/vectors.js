/** Where the project's vectors lie, and how they are read. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { readSafetensors } from "../src/model.js";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** @param {string} path: below the project's root */
export const bytesOf = (path) => new Uint8Array(readFileSync(ROOT + path));
/** @param {string} path */
export const jsonOf = (path) => JSON.parse(readFileSync(ROOT + path, "utf8"));

/** Names and contents of spec/vectors/FOLDER/*.json. @param {string} folder */
export const vectors = (folder) => readdirSync(`${ROOT}spec/vectors/${folder}`)
  .filter((name) => name.endsWith(".json")).sort()
  .map((name) => ({ name: name.slice(0, -5), ...jsonOf(`spec/vectors/${folder}/${name}`) }));

/** @param {string} text */
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

const WIDTHS = { I16: Int16Array, I32: Int32Array };

/** A model of nested lists, made by way of a safetensors file. @param {Record<string, [string, any]>} entries */
export function modelOf(entries) {
  const header = {}, parts = [];
  let at = 0;
  for (const [name, [dtype, list]] of Object.entries(entries)) {
    const shape = [];
    for (let x = list; Array.isArray(x); x = x[0]) shape.push(x.length);
    const bytes = new Uint8Array(WIDTHS[dtype].from([list].flat(Infinity)).buffer);
    header[name] = { dtype, shape, data_offsets: [at, at += bytes.length] };
    parts.push(bytes);
  }
  const text = Buffer.from(JSON.stringify(header)), length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return { tensors: readSafetensors(new Uint8Array(Buffer.concat([length, text, ...parts]))), config: {} };
}

/** @param {Uint8Array} bytes */
export const hexOf = (bytes) => Buffer.from(bytes).toString("hex");
/** @param {Uint8Array} bytes */
export const digestOf = (bytes) => createHash("sha256").update(bytes).digest("hex");
/** What the vectors say of bytes: hexadecimal, or length and digest beyond 64. @param {Uint8Array} bytes */
export const described = (bytes) => (bytes.length <= 64 ? hexOf(bytes) : { bytes: bytes.length, sha256: digestOf(bytes) });
