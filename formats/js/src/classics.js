/** Files of `jpeg`, `webp`, `avif` and `jxl` as any viewer opens them: spec/embeddings of these names. */
import { EMBEDDINGS } from "./registry.js";
import { FormatError, refuse } from "./errors.js";
import JPEG from "./data/jpeg.js";
import { frozen } from "./frozen.js";
import { concatenated, onlyLayer } from "./model.js";

/** @typedef {{body: Uint8Array, W: number, H: number}} Picture the layer behind F and E, and the header's size */

/** @param {string} text */
const ascii = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
/** @param {number} n @param {number} width */
const big = (n, width) => Uint8Array.from({ length: width }, (_, i) => Math.floor(n / 256 ** (width - 1 - i)));
/** @param {number} n @param {number} width */
const little = (n, width) => big(n, width).reverse();
/** @param {(Uint8Array | number[] | number)[]} parts: bytes and lists of bytes */
const join = (...parts) => concatenated(parts.map((part) => (typeof part === "number" ? Uint8Array.of(part) : Uint8Array.from(part))));
/** @param {Uint8Array} bytes @param {string} text @param {number} [at] */
const says = (bytes, text, at = 0) => ascii(text).every((c, i) => bytes[at + i] === c);
/** @param {boolean} ok @param {string} text */
const demand = (ok, text) => {
  if (!ok) refuse(text);
};

/** Bits into bytes, from the highest or the lowest of each byte on. @param {[value: number, width: number][]} fields @param {boolean} highest */
function packed(fields, highest) {
  /** @type {number[]} */
  const bits = fields.flatMap(([value, width]) => {
    const list = Array.from({ length: width }, (_, i) => Math.floor(value / 2 ** i) % 2);
    return highest ? list.reverse() : list;
  });
  const out = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => { out[i >> 3] |= bit << (highest ? 7 - (i & 7) : i & 7); });
  return out;
}

/** @param {number} n */
const bitsOf = (n) => 32 - Math.clz32(n);

// ---- jpeg

/** @typedef {{components: number[], first: number, last: number, high: number, low: number}} Scan */
/** @type {{luma: number[], chroma: number[], zigzag: number[], mantissas: number[], huffman: string[], scans: Record<string, Scan[]>} | undefined} */
let tables;

/** A segment of a marker FF xx. @param {number} marker @param {...(Uint8Array | number[] | number)} contents */
function segment(marker, ...contents) {
  const inside = join(...contents);
  return join(0xff, marker, big(inside.length + 2, 2), inside);
}

/** Where the entropy-coded bytes from `at` on end. @param {Uint8Array} bytes @param {number} at */
function scanEnd(bytes, at) {
  while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0)) at++;
  return at;
}

/** A Huffman table at `at`; its end. @param {Uint8Array} body @param {number} at */
function tableEnd(body, at) {
  const symbols = body.subarray(at + 1, at + 17).reduce((x, y) => x + y, 0), end = at + 17 + symbols;
  demand(symbols <= 256 && end <= body.length, "a Huffman table that ends early or is too long");
  return end;
}

/** @param {Picture} picture @param {number} form @param {number} chroma */
function jpeg({ body, W, H }, form, chroma) {
  if (form === 0) return wholeJpeg(body, W, H);
  tables ??= JSON.parse(new TextDecoder().decode(frozen(JPEG, "d6be684b50e32b699d4fad0fd709076d2704372bea2ee752d68e0b4a6c12b244")));
  const { luma, chroma: chromatic, zigzag, mantissas, huffman, scans } = tables ?? refuse("no tables");
  demand(body.length > 0, "no rate code");
  demand(W <= 65535 && H <= 65535, "no JPEG is as large");
  const R = body[0], s = 17 + Math.floor(R / 23), n = chroma ? 3 : 1;
  const steps = [luma, chromatic].slice(0, chroma ? 2 : 1).map((base, i) => segment(0xdb, i, zigzag.map((at) =>
    Math.min(255, Math.max(1, Math.floor((51 * mantissas[R % 23] * base[at] + 2 ** (s - 1)) / 2 ** s))))));
  const components = [[1, [0x11, 0x22, 0x21, 0x11][chroma], 0], [2, 0x11, 1], [3, 0x11, 1]].slice(0, n);
  const start = [[0xff, 0xd8], segment(0xe0, ascii("JFIF\0"), [1, 1, 0, 0, 1, 0, 1, 0, 0]), ...steps,
    segment(form === 3 ? 0xc2 : 0xc0, 8, big(H, 2), big(W, 2), n, ...components)];
  /** @type {Uint8Array[]} */
  const parts = [];
  let at = 1;
  if (form < 3) {
    for (const text of huffman.slice(0, chroma ? 4 : 2)) {
      const known = Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
      if (form === 1) {
        parts.push(segment(0xc4, known));
        continue;
      }
      const from = at;
      demand(body[at] === known[0], "a Huffman table in another place");
      parts.push(segment(0xc4, body.subarray(from, at = tableEnd(body, at))));
    }
    demand(scanEnd(body, at) === body.length, "a marker in the scan");
    const order = chroma ? [1, 0, 2, 0x11, 3, 0x11] : [1, 0];
    parts.push(segment(0xda, n, order, 0, 63, 0), body.subarray(at));
  }
  for (let scan = 0; form === 3 && at < body.length; ) {
    const marker = body[at + 1], from = at + 2;
    demand(body[at] === 0xff && (marker === 0xc4 || marker === 0xda), "a piece that is neither table nor scan");
    if (marker === 0xc4) {
      demand(from < body.length, "a Huffman table that ends early or is too long");
      parts.push(segment(0xc4, body.subarray(from, at = tableEnd(body, from))));
      continue;
    }
    const { components, first, last, high, low } = scans[n][scan++] ?? refuse("more scans than there are headers");
    const dc = first === 0 && last === 0;
    const order = components.map((c) => [c + 1, (c ? 1 : 0) * (dc ? (high ? 0 : 16) : 1)]).flat();
    parts.push(segment(0xda, components.length, order, first, last, 16 * high + low), body.subarray(from, at = scanEnd(body, from)));
  }
  return join(...start, ...parts, [0xff, 0xd9]);
}

/** @param {Uint8Array} body @param {number} W @param {number} H */
function wholeJpeg(body, W, H) {
  let at = 2;
  demand(body[0] === 0xff && body[1] === 0xd8, "not a JPEG file");
  while (at + 9 < body.length && body[at] === 0xff) {
    const marker = body[at + 1];
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      const height = 256 * body[at + 5] + body[at + 6], width = 256 * body[at + 7] + body[at + 8];
      demand(height === H && width === W, `a JPEG of ${width} x ${height}`);
      demand(body[at + 9] === 1 || body[at + 9] === 3, `a JPEG of ${body[at + 9]} components`);
      return body;
    }
    at += marker === 0xff ? 1 : 2 + 256 * body[at + 2] + body[at + 3];
  }
  return refuse("a JPEG without a frame");
}

// ---- webp

/** @param {Picture} picture @param {number} form @param {number} P */
function webp({ body, W, H }, form, P) {
  if (form === 0) {
    demand(body.length >= 30 && says(body, "RIFF") && says(body, "WEBP", 8), "not a WebP file");
    const u16 = (/** @type {number} */ at) => body[at] + 256 * body[at + 1], u24 = (/** @type {number} */ at) => u16(at) + 65536 * body[at + 2];
    const lossless = u16(21) + 65536 * u16(23), extended = says(body, "VP8X", 12);
    const [width, height] = extended ? [u24(24) + 1, u24(27) + 1] : says(body, "VP8L", 12)
      ? [(lossless % 16384) + 1, (Math.floor(lossless / 16384) % 16384) + 1] : [u16(26) % 16384, u16(28) % 16384];
    demand(width === W && height === H, `a WebP of ${width} x ${height}`);
    demand(!extended || !(body[20] & 0x12), "a WebP with transparency, or of more than one picture");
    return body;
  }
  const length = body.findIndex((byte) => byte < 128) + 1;
  demand(length >= 1 && length <= 3 && (length === 1 || body[length - 1] > 0), "the length of the first partition is not in its form");
  const N = body.subarray(0, length).reduce((sum, byte, i) => sum + (byte & 127) * 128 ** i, 0);
  demand(N < 2 ** 19 && W <= 16383 && H <= 16383, "more than a WebP holds");
  const frame = join(little(32 * N + 16 + 2 * P, 3), [0x9d, 1, 0x2a], little(W, 2), little(H, 2), body.subarray(length));
  const odd = frame.length % 2;
  return join(ascii("RIFF"), little(12 + frame.length + odd, 4), ascii("WEBPVP8 "), little(frame.length, 4), frame, odd ? [0] : []);
}

// ---- avif

/** @param {string} type @param {...(Uint8Array | number[] | number)} contents */
function box(type, ...contents) {
  const inside = join(...contents);
  return join(big(inside.length + 8, 4), ascii(type), inside);
}

/** @param {number} n */
function uleb(n) {
  const out = [];
  for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) + 128);
  return [...out, n];
}

/** @param {Picture} picture @param {number} form @param {number} chroma @param {number} V */
function avif({ body, W, H }, form, chroma, V) {
  if (form === 0) {
    demand(says(body, "ftyp", 4), "not an AVIF file");
    const at = body.findIndex((_, i) => says(body, "ispe", i)), view = new DataView(body.buffer, body.byteOffset, body.length);
    demand(at > 0 && at + 16 <= body.length, "an AVIF without a size");
    demand(view.getUint32(at + 8) === W && view.getUint32(at + 12) === H, "an AVIF of another size");
    return body;
  }
  demand(body.length > 0, "no tools");
  const profile = [0, 0, 2, 1][chroma], planes = chroma ? 3 : 1, tools = 256 * V + body[0], level = tools >> 6;
  const wb = Math.max(1, bitsOf(W - 1)), hb = Math.max(1, bitsOf(H - 1));
  /** @type {[number, number][]} */
  const fields = [[profile, 3], [3, 2], [level, 5], [wb - 1, 4], [hb - 1, 4], [W - 1, wb], [H - 1, hb], [tools & 63, 6], [0, 1]];
  if (profile !== 1) fields.push([chroma ? 0 : 1, 1]);
  fields.push([1, 1], [1, 8], [13, 8], [6, 8], [1, 1]);
  if (chroma === 1) fields.push([0, 2]);
  if (planes === 3) fields.push([0, 1]);
  fields.push([0, 1], [1, 1]);
  const sequence = packed(fields, true), frame = body.subarray(1);
  const stream = join(0x0a, uleb(sequence.length), sequence, 0x32, uleb(frame.length), frame);
  const zero = [0, 0, 0, 0], ftyp = box("ftyp", ascii("avif"), zero, ascii("avifmif1miaf"));
  const meta = (/** @type {number} */ A) => box("meta", zero,
    box("hdlr", zero, zero, ascii("pict"), new Uint8Array(13)), box("pitm", zero, [0, 1]),
    box("iloc", zero, [0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1], big(A, 4), big(stream.length, 4)),
    box("iinf", zero, [0, 1], box("infe", [2, 0, 0, 0, 0, 1, 0, 0], ascii("av01"), 0)),
    box("iprp", box("ipco", box("ispe", zero, big(W, 4), big(H, 4)), box("pixi", zero, planes, new Array(planes).fill(8)),
      box("av1C", 0x81, 32 * profile + level, [0x1c, 0x0c, 0x08, 0][chroma], 0),
      box("colr", ascii("nclx"), [0, 1, 0, 13, 0, 6, 0x80])),
    box("ipma", zero, [0, 0, 0, 1, 0, 1, 4, 1, 2, 0x83, 4])));
  return join(ftyp, meta(ftyp.length + meta(0).length + 8), box("mdat", stream));
}

// ---- jxl

const RATIOS = [[1, 1], [12, 10], [4, 3], [3, 2], [16, 9], [5, 4], [2, 1]];
const GRAY = "000001001001010001110110001";

/** @param {Picture} picture @param {number} F */
function jxl({ body, W, H }, F) {
  if (F === 0) {
    const boxed = says(body, "\0\0\0\x0cJXL \r\n\x87\n");
    demand(boxed || (body[0] === 0xff && body[1] === 0x0a), "not a JPEG XL file");
    const at = boxed ? body.findIndex((_, i) => body[i] === 0xff && body[i + 1] === 0x0a && i > 12) : 0;
    const [width, height] = jxlSize(body, at + 2);
    demand(width === W && height === H, `a JPEG XL of ${width} x ${height}`);
    return body;
  }
  const small = W % 8 === 0 && H % 8 === 0 && W <= 256 && H <= 256, k = (/** @type {number} */ n) => [9, 13, 18].findIndex((b) => n - 1 < 2 ** b);
  const size = (/** @type {number} */ n) => /** @type {[number, number][]} */ (small ? [[n / 8 - 1, 5]] : [[k(n), 2], [n - 1, [9, 13, 18][k(n)]]]);
  const ratio = RATIOS.findIndex(([a, b]) => Math.floor((H * a) / b) === W) + 1;
  const metadata = /** @type {[number, number][]} */ (F === 1 ? [[3, 2]] : Array.from(GRAY, (bit) => [Number(bit), 1]));
  return join(0xff, 0x0a, packed([[small ? 1 : 0, 1], ...size(H), [ratio, 3], ...(ratio ? [] : size(W)), ...metadata], false), body);
}

/** Columns and rows of the codestream whose header of bits begins at a byte. @param {Uint8Array} body @param {number} at */
function jxlSize(body, at) {
  let bit = 8 * at;
  const take = (/** @type {number} */ n) => {
    let value = 0;
    for (let i = 0; i < n; i++, bit++) value += ((body[bit >> 3] >> (bit & 7)) & 1) * 2 ** i;
    return value;
  };
  const small = take(1), size = () => (small ? 8 * (take(5) + 1) : take([9, 13, 18, 30][take(2)]) + 1);
  const height = size(), ratio = take(3);
  return [ratio ? Math.floor((height * RATIOS[ratio - 1][0]) / RATIOS[ratio - 1][1]) : size(), height];
}

/**
 * The picture file in a file of a classical codec, with its media type, and what the sender measured: the mean squared
 * error is 10^(-error / 40) of samples in [0, 1], 0 for 255. Damage inside the coded picture is left to its decoder.
 * @param {import("./container.js").File} file
 * @returns {{type: string, bytes: Uint8Array, error: number, symbols: Uint8Array}}
 */
export function body(file) {
  const { width: W, height: H, identity } = file.header, name = EMBEDDINGS[identity.id]?.name ?? "";
  if (!["jpeg", "webp", "avif", "jxl"].includes(name)) throw new FormatError("unknown-embedding", "not a picture of a classical codec");
  const layer = onlyLayer(file);
  demand(layer.length >= 2, "a payload of fewer than two bytes");
  const [F, error] = layer, picture = { body: layer.subarray(2), W, H }, form = F & 3, middle = (F >> 2) & 3;
  const forms = name === "jpeg" ? 4 : 2, high = name === "avif" ? 0x80 : 0xf0;
  demand(name === "jxl" ? F < 3 : form < forms && !(F & high) && (form !== 0 || F === 0), `a first byte of ${F}`);
  const bytes = name === "jpeg" ? jpeg(picture, form, middle) : name === "webp" ? webp(picture, form, middle)
    : name === "avif" ? avif(picture, form, middle, (F >> 4) & 7) : jxl(picture, F);
  return { type: `image/${name}`, bytes, error, symbols: layer };
}
