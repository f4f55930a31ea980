/** CRC-16 and CRC-32 of FORMAT.md section 5, XXH64 of Zstandard frames, SHA-256 of models and tables. */

const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let i = 0; i < 8; i++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

const CRC32 = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** @param {Uint8Array} data */
export function crc16(data) {
  let crc = 0xffff;
  for (let i = 0; i < data.length; i++) crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >> 8) ^ data[i]];
  return crc;
}

/** @param {Uint8Array} data */
export function crc32(data) {
  let crc = -1;
  for (let i = 0; i < data.length; i++) crc = CRC32[(crc ^ data[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

const M64 = (1n << 64n) - 1n;
const P1 = 0x9e3779b185ebca87n, P2 = 0xc2b2ae3d27d4eb4fn, P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n, P5 = 0x27d4eb2f165667c5n;
/** @param {bigint} x @param {bigint} n */
const rotate = (x, n) => ((x << n) | (x >> (64n - n))) & M64;
/** @param {bigint} acc @param {bigint} lane */
const round = (acc, lane) => (rotate((acc + lane * P2) & M64, 31n) * P1) & M64;

/** The low 32 bits of XXH64 with seed 0: the content checksum of a Zstandard frame. @param {Uint8Array} data */
export function xxh64Low(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0, hash;
  if (data.length >= 32) {
    const acc = [(P1 + P2) & M64, P2, 0n, -P1 & M64];
    for (; at + 32 <= data.length; at += 32)
      for (let i = 0; i < 4; i++) acc[i] = round(acc[i], view.getBigUint64(at + 8 * i, true));
    hash = rotate(acc[0], 1n) + rotate(acc[1], 7n) + rotate(acc[2], 12n) + rotate(acc[3], 18n);
    for (const a of acc) hash = (((hash ^ round(0n, a)) & M64) * P1 + P4) & M64;
  } else hash = P5;
  hash = (hash + BigInt(data.length)) & M64;
  for (; at + 8 <= data.length; at += 8)
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & M64;
  if (at + 4 <= data.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * P1) & M64), 23n) * P2 + P3) & M64;
    at += 4;
  }
  for (; at < data.length; at++) hash = (rotate(hash ^ ((BigInt(data[at]) * P5) & M64), 11n) * P1) & M64;
  hash = ((hash ^ (hash >> 33n)) * P2) & M64;
  hash = ((hash ^ (hash >> 29n)) * P3) & M64;
  return Number((hash ^ (hash >> 32n)) & 0xffffffffn);
}

// the fractions of the square and cube roots of the first primes (FIPS 180-4), in integers
/** @type {number[]} */
const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((p) => n % p)) PRIMES.push(n);
/** @param {bigint} n @param {bigint} power: floor of the root of n */
function root(n, power) {
  let low = 0n, high = 1n << 40n;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle ** power <= n) low = middle;
    else high = middle;
  }
  return low;
}
const START = PRIMES.slice(0, 8).map((p) => Number(root(BigInt(p) << 64n, 2n) & 0xffffffffn));
const K = Uint32Array.from(PRIMES, (p) => Number(root(BigInt(p) << 96n, 3n) & 0xffffffffn));

/** The 32 bytes of the SHA-256. @param {Uint8Array} data @returns {Uint8Array} */
export function sha256(data) {
  const state = Uint32Array.from(START);
  const w = new Uint32Array(64);
  const tail = new Uint8Array(((data.length % 64) + 9 > 64 ? 128 : 64));
  const whole = data.length - (data.length % 64);
  tail.set(data.subarray(whole));
  tail[data.length - whole] = 0x80;
  new DataView(tail.buffer).setBigUint64(tail.length - 8, BigInt(data.length) * 8n);
  for (let at = 0; at < whole; at += 64) block(state, w, data, at);
  for (let at = 0; at < tail.length; at += 64) block(state, w, tail, at);
  const out = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => out.setUint32(4 * i, word));
  return new Uint8Array(out.buffer);
}

/** @param {Uint32Array} state @param {Uint32Array} w @param {Uint8Array} bytes @param {number} at */
function block(state, w, bytes, at) {
  for (let i = 0; i < 16; i++, at += 4)
    w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15], y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g; g = f; f = e; e = (d + t1) | 0;
    d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] += word; });
}

/** @param {Uint8Array} bytes */
export const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
