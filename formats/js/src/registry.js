/** The rows of REGISTRY.md that a reader needs; a test compares them. */

/** @type {Record<number, {name: string, package: string}>} */
export const EMBEDDINGS = {
  1: { name: "jpeg", package: "gcodec-classic" },
  2: { name: "webp", package: "gcodec-classic" },
  3: { name: "avif", package: "gcodec-classic" },
  4: { name: "jxl", package: "gcodec-classic" },
  16: { name: "ntc", package: "gcodec-ntc" },
  24: { name: "ldm_quant", package: "gcodec-ldm" },
  25: { name: "perco", package: "gcodec-ldm" },
  26: { name: "rate_variable", package: "gcodec-ldm" },
  32: { name: "text_sketch", package: "gcodec-text-sketch" },
  40: { name: "diffc", package: "gcodec-diffc" },
  41: { name: "uqdm", package: "gcodec-diffc" },
  42: { name: "ddcm", package: "gcodec-diffc" },
};

/** @type {Record<number, string>} */
export const SEGMENTS = {
  0: "main", 1: "icc", 2: "companion", 3: "exif", 4: "alpha", 5: "xmp", 7: "thumbnail",
};

/** @type {Record<number, string>} */
export const EXTENSIONS = {
  0: "seed", 1: "reconstructor", 2: "parameters", 3: "channels", 5: "symbols_digest", 7: "depth", 9: "package",
};
