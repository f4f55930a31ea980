/**
 * A PNG around samples and their colour profile: the way to have a browser apply a profile.
 */

const text = new TextEncoder();
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** A part of a PNG file. @param {string} type @param {Uint8Array} contents */
export function chunk(type, contents) {
  const made = new Uint8Array(12 + contents.length);
  const view = new DataView(made.buffer);
  view.setUint32(0, contents.length);
  made.set(text.encode(type), 4);
  made.set(contents, 8);
  let sum = 0xffffffff;
  for (let i = 4; i < 8 + contents.length; i++) sum = TABLE[(sum ^ made[i]) & 0xff] ^ (sum >>> 8);
  view.setUint32(8 + contents.length, ~sum);
  return made;
}

/** @param {Uint8Array} bytes @returns {Promise<Uint8Array>} */
async function packed(bytes) {
  const stream = new Blob([/** @type {any} */ (bytes)]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * @param {Uint8ClampedArray} pixels RGBA
 * @param {number} width @param {number} height @param {Uint8Array} profile
 */
export async function withProfile(pixels, width, height, profile) {
  // A gray profile fits gray samples only: color type 4, gray with alpha.
  const gray = new TextDecoder().decode(profile.subarray(16, 20)) === 'GRAY';
  const channels = gray ? 2 : 4;
  const rows = new Uint8Array(height * (1 + channels * width));
  for (let y = 0, to = 0, from = 0; y < height; y++) {
    to++; // no filter
    for (let x = 0; x < width; x++, from += 4) {
      if (!gray) {
        rows[to++] = pixels[from];
        rows[to++] = pixels[from + 1];
      }
      rows[to++] = pixels[from + 2];
      rows[to++] = pixels[from + 3];
    }
  }
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([8, gray ? 4 : 6], 8);
  const named = new Uint8Array([...text.encode('profile'), 0, 0, ...(await packed(profile))]);
  const parts = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', head),
    chunk('iCCP', named),
    chunk('IDAT', await packed(rows)),
    chunk('IEND', new Uint8Array(0)),
  ];
  return new Blob(/** @type {any} */ (parts), { type: 'image/png' });
}
