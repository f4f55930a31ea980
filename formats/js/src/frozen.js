/** Frozen data of the texts: a Zstandard frame in base64, and the SHA-256 that it must unpack to. */
import { hex, sha256 } from "./checksum.js";
import { decompress } from "./zstd.js";

/** @param {string} text @param {string} digest @returns {Uint8Array} */
export function frozen(text, digest) {
  const bytes = decompress(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  if (digest && hex(sha256(bytes)) !== digest) throw new Error("frozen data has another digest");
  return bytes;
}
