/** What goes wrong with a file. `FormatError.code` is of the closed list of FORMAT.md, section 8. */

export const CODES = Object.freeze([
  "not-gcx", "text-damaged", "unsupported-version", "reserved-flags", "truncated", "trailing-bytes",
  "checksum-mismatch", "not-canonical", "limit-exceeded", "reserved-embedding", "unknown-embedding",
  "bad-name", "bad-extensions", "bad-extension-value", "unknown-required-extension",
  "bad-segment-order", "bad-segment", "unknown-required-segment", "bad-compression",
]);

/** The container is not as FORMAT.md has it. `offset` is the byte where, if one can be named. */
export class FormatError extends Error {
  /** @param {string} code @param {string} text @param {number} [offset] */
  constructor(code, text, offset) {
    super(offset === undefined ? text : `${text} (byte ${offset})`);
    this.name = "FormatError";
    this.code = code;
    this.offset = offset;
  }
}

/** The container is sound; what an embedding, channel or caption finds in it is not. */
export class PayloadError extends Error {
  /** @param {string} text */
  constructor(text) {
    super(text);
    this.name = "PayloadError";
    this.code = "bad-payload";
  }
}

/** Weights that decoding needs are missing, damaged, or not the ones that the file names. */
export class ModelError extends Error {
  /** @param {string} text */
  constructor(text) {
    super(text);
    this.name = "ModelError";
    this.code = "bad-model";
  }
}

/** @param {string} text @returns {never} */
export function refuse(text) {
  throw new PayloadError(text);
}
