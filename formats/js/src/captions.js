/** Captions as bytes: CAPTIONS.md. */
import CAPTIONS from "./data/captions.js";
import { refuse } from "./errors.js";
import { frozen } from "./frozen.js";

const LONGEST = 4096, END = 0xff;

/** Counts of bytes by context, on top of others that stay as they are. */
class Counts {
  /** @param {Counts | null} below */
  constructor(below) {
    this.below = below;
    /** @type {Map<string, Map<number, number>>} */
    this.contexts = new Map();
  }

  /** @param {string} context @returns {Map<number, number> | undefined} */
  get(context) {
    return this.contexts.get(context) ?? this.below?.get(context);
  }

  /** @param {string} history: the bytes before, as characters @param {number} byte */
  learn(history, byte) {
    for (let k = Math.min(6, history.length); k >= 0; k--) {
      const context = history.slice(history.length - k);
      let own = this.contexts.get(context);
      if (!own) this.contexts.set(context, (own = new Map(this.below?.get(context))));
      const count = (own.get(byte) ?? 0) + 1;
      own.set(byte, count);
      if (count > 1) return;
    }
  }

  /** Frequencies of the next byte. @param {string} history */
  frequencies(history) {
    const p = new Float64Array(256).fill(65536);
    for (let k = 0; k <= Math.min(6, history.length); k++) {
      const counts = this.get(history.slice(history.length - k));
      if (!counts) break;
      let C = 0;
      for (const count of counts.values()) C += count;
      const factor = 3 * counts.size + 2, divisor = 4 * C + 2;
      for (let b = 0; b < 256; b++) {
        const c = counts.get(b);
        p[b] = Math.floor((p[b] * factor + (c ? (4 * c - 3) * 16777216 : 0)) / divisor);
      }
    }
    return p.map((x) => x + 1);
  }
}

/** @type {Counts | undefined} */
let english;

/** The counts that a text begins with. @param {number} model: 0 or 1 */
function start(model) {
  if (model === 1) return new Counts(null);
  if (!english) {
    english = new Counts(null);
    const lines = frozen(CAPTIONS, "441658e1b9f2062cce92ce9c1d30a46218bd0e3dc0bed83b39c1385f68233e8f");
    let history = "\xff";
    for (const read of lines) {
      const byte = read === 0x0a ? END : read;
      english.learn(history, byte);
      history = byte === END ? "\xff" : (history + String.fromCharCode(byte)).slice(-6);
    }
  }
  return new Counts(english);
}

const FIRST = Float64Array.of(255, 1);

/** @param {Float64Array} f */
const total = (f) => f.reduce((x, y) => x + y, 0);

/** @param {Uint8Array} bytes: at least one @returns {number[]} the UTF-8 */
function decodeBytes(bytes) {
  // the number is V / S; remainder = V Q - L S, so that a symbol is looked up by remainder T / (W S)
  const S = 1n << BigInt(8 * bytes.length);
  let remainder = bytes.reduce((n, byte) => (n << 8n) | BigInt(byte), 0n), W = S;
  /** @param {Float64Array} f */
  const symbol = (f) => {
    const T = total(f), scaled = remainder * BigInt(T), place = Number(scaled / W);
    let s = 0, sum = 0;
    while (sum + f[s] <= place) sum += f[s++];
    remainder = scaled - BigInt(sum) * W;
    W *= BigInt(f[s]);
    return s;
  };
  const counts = start(symbol(FIRST));
  /** @type {number[]} */
  const text = [];
  for (let history = "\xff"; ; ) {
    const byte = symbol(counts.frequencies(history));
    if (byte === END) return text;
    if (text.length === LONGEST) refuse(`a caption of more than ${LONGEST} bytes`);
    text.push(byte);
    counts.learn(history, byte);
    history = (history + String.fromCharCode(byte)).slice(-6);
  }
}

/** @param {Uint8Array} text @param {number} model */
function encodeWith(text, model) {
  let L = 0n, W = 1n, Q = 1n, history = "\xff";
  /** @param {number} s @param {Float64Array} f */
  const narrow = (s, f) => {
    let before = 0;
    for (let i = 0; i < s; i++) before += f[i];
    const T = BigInt(total(f));
    L = L * T + BigInt(before) * W;
    W *= BigInt(f[s]);
    Q *= T;
  };
  narrow(model, FIRST);
  const counts = start(model);
  for (const byte of [...text, END]) {
    narrow(byte, counts.frequencies(history));
    counts.learn(history, byte);
    history = (history + String.fromCharCode(byte)).slice(-6);
  }
  // the least n for which a multiple of 256^-n is in [L / Q, (L + W) / Q)
  /** @param {number} n: the first multiple, times 256^n */
  const first = (n) => ((L << BigInt(8 * n)) + Q - 1n) / Q;
  /** @param {number} n: what n bytes can say, n + 1 can, too */
  const enough = (n) => first(n) * Q < (L + W) << BigInt(8 * n);
  let [few, n] = [-1, Math.ceil((Q.toString(16).length - W.toString(16).length) / 2) + 2];
  while (n - few > 1) {
    const middle = (n + few) >> 1;
    if (enough(middle)) n = middle;
    else few = middle;
  }
  const digits = n ? first(n).toString(16).padStart(2 * n, "0") : "";
  return Uint8Array.from({ length: n }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** @param {string} text: of at most 4096 bytes of UTF-8 @returns {Uint8Array} */
export function encodeCaption(text) {
  const utf8 = new TextEncoder().encode(text);
  if (!utf8.length) return utf8;
  if (utf8.length > LONGEST) throw new RangeError(`a caption of ${utf8.length} bytes; at most ${LONGEST}`);
  const [english, blank] = [encodeWith(utf8, 0), encodeWith(utf8, 1)];
  return blank.length < english.length ? blank : english;
}

/** @param {Uint8Array} bytes @returns {string} or PayloadError for bytes that no writer makes */
export function decodeCaption(bytes) {
  if (bytes.length > 12291) refuse(`${bytes.length} bytes for a caption`);
  if (!bytes.length) return "";
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(decodeBytes(bytes)));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    refuse("a caption that is not UTF-8");
  }
  const again = encodeCaption(text);
  if (again.length !== bytes.length || again.some((byte, i) => byte !== bytes[i])) refuse("a caption that no writer makes");
  return text;
}
