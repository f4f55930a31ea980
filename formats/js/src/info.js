/** What `info` shows of a file: the same facts, under the same names, as `gcodec info --json`. */
import { hex } from "./checksum.js";
import { MAIN } from "./container.js";
import { EMBEDDINGS, EXTENSIONS } from "./registry.js";

/** @typedef {import("./container.js").Identity} Identity */

/** @param {Identity} identity */
export const embeddingName = ({ id, name }) => name ?? EMBEDDINGS[id]?.name ?? `number ${id}`;

/** @param {Identity} identity */
export const modelName = ({ profile, digest }) => (digest ? `digest ${hex(digest)}...` : `profile ${profile}`);

/** A value of the extension map as JSON holds it: bytes in hexadecimal, integers from 2^53 on as texts. @param {any} value @returns {any} */
function shown(value) {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(shown);
  return value instanceof Map ? Object.fromEntries(Array.from(value, ([key, item]) => [key, shown(item)])) : value;
}

/** @param {import("./container.js").File} file @param {number} size: bytes of the file */
export function info(file, size) {
  const { header, segments, layout } = file, { identity, width, height, extensions } = header;
  /** @param {{body: Uint8Array}[]} of */
  const bytes = (of) => of.reduce((sum, segment) => sum + segment.body.length, 0);
  const layers = segments.filter((segment) => segment.type === MAIN), payload = bytes(layers);
  const beside = bytes(segments) - payload, said = extensions.get(9);
  /** @type {[string, Map<any, any>] | undefined} */
  const suggested = extensions.get(1);
  // what is decoded as the file suggests, or by `preview`, adds nothing that was not sent; all else is likely, not known
  const restored = !suggested || suggested[0] === "preview" || suggested[1].get("realism") === 0;
  return {
    bytes: size,
    width,
    height,
    bpp: decimals((8 * size) / (width * height)),
    embedding: embeddingName(identity),
    package: EMBEDDINGS[identity.id]?.package
      ?? (said ? `unregistered; the file says: pip install ${said}` : "unregistered"),
    model: modelName(identity),
    extensions: shown(new Map(Array.from(extensions, ([key, value]) => [EXTENSIONS[key] ?? `key ${key}`, value]))),
    origin: restored ? "restored" : "invented",
    progressive: header.progressive,
    layers: layers.length,
    missing_layers: file.missing.filter((type) => type === MAIN).length,
    payload,
    beside,
    overhead: size - payload - beside,
    layout,
  };
}

/**
 * Five decimals, a tie to the even one: 5.953125 is 5.95312, where toFixed says 5.95313. Only an odd number of 64ths is a tie.
 * @param {number} value
 */
function decimals(value) {
  const even = Math.floor(value * 1e5);
  return (value * 64) % 2 === 1 && even % 2 === 0 ? even / 1e5 : Number(value.toFixed(5));
}
