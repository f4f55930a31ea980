/** A large picture in overlapping pieces, as `gcodec.diffusion.tiles` has them: the same pieces, the same weights. */

/**
 * @param {number} length @param {number} tile @param {number} overlap
 * @returns {{start: number, weights: Float32Array}[]}
 */
export function profiles(length, tile, overlap) {
  const size = Math.min(length, tile);
  const ramp = Float32Array.from({ length: size }, (_, i) => Math.min(1, Math.max(0, (i + 0.5 - overlap / 4) / (overlap / 2))));
  const begins = starts(length, tile, overlap);
  const total = new Float32Array(length);
  const made = begins.map((start) => {
    const weights = Float32Array.from(
      { length: size },
      (_, i) => (start === 0 ? 1 : ramp[i]) * (start + size === length ? 1 : ramp[size - 1 - i]),
    );
    weights.forEach((weight, i) => (total[start + i] += weight));
    return { start, weights };
  });
  for (const { start, weights } of made) weights.forEach((_, i) => (weights[i] /= total[start + i]));
  return made;
}

/** Where tiles begin so that they cover [0, length), overlapping by at least `overlap`. */
function starts(/** @type {number} */ length, /** @type {number} */ tile, /** @type {number} */ overlap) {
  if (length <= tile) return [0];
  const step = tile - overlap;
  const many = Math.ceil((length - overlap) / step);
  return [...Array.from({ length: many - 1 }, (_, i) => i * step), length - tile];
}
