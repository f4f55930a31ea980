/**
 * The blocks of a Zstandard frame, decoded as RFC 8878 has them; section numbers are its own.
 * Strict, so that damage is an error and not another content: bits left over, offsets before the content, tables
 * that do not add up. Errors are of class RangeError.
 */

/** @param {string} text @returns {never} */
const bad = (text) => {
  throw new RangeError(text);
};

/** Reads bits from the last to the first; the highest bit that is set in the last byte marks the end. */
class Backward {
  /** @param {Uint8Array} bytes @param {number} from @param {number} to */
  constructor(bytes, from, to) {
    if (to <= from || !bytes[to - 1]) bad("a bitstream without its end");
    this.bytes = bytes;
    this.from = from;
    this.left = 8 * (to - from) - Math.clz32(bytes[to - 1]) + 23;
  }

  /** The next n <= 16 bits; zeros where there are none left. @param {number} n */
  peek(n) {
    const low = this.left - n;
    if (low < 0) return this.left <= 0 ? 0 : (this.at(0, this.left) << -low) & ((1 << n) - 1);
    return this.at(low, n);
  }

  /** @param {number} bit @param {number} n */
  at(bit, n) {
    const i = this.from + (bit >> 3), { bytes } = this;
    return ((bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16)) >>> (bit & 7)) & ((1 << n) - 1);
  }

  /** @param {number} n: at most 31 @returns {number} */
  read(n) {
    if (n > 16) return this.read(n - 16) * 65536 + this.read(16);
    const value = this.peek(n);
    this.left -= n;
    return value;
  }
}

/** @typedef {{log: number, symbol: Uint8Array, bits: Uint8Array, base: Uint16Array}} Fse */

/** A decoding table (4.1.1). @param {number[]} counts: -1 stands for less than 1 @param {number} log @returns {Fse} */
function fseTable(counts, log) {
  const size = 1 << log, symbol = new Uint8Array(size), next = counts.map((n) => (n === -1 ? 1 : n));
  let high = size;
  counts.forEach((n, s) => { if (n === -1) symbol[--high] = s; });
  let at = 0;
  counts.forEach((n, s) => {
    for (let i = 0; i < n; i++) {
      symbol[at] = s;
      do at = (at + (size >> 1) + (size >> 3) + 3) & (size - 1); while (at >= high);
    }
  });
  const bits = new Uint8Array(size), base = new Uint16Array(size);
  for (let i = 0; i < size; i++) {
    const n = next[symbol[i]]++;
    bits[i] = log - (31 - Math.clz32(n));
    base[i] = (n << bits[i]) - size;
  }
  return { log, symbol, bits, base };
}

/** The description of a table (4.1.1) and where it ends. @param {Uint8Array} bytes @param {number} from @param {number} to @param {number} longest @param {number} symbols */
function readFse(bytes, from, to, longest, symbols) {
  let bit = 0;
  /** @param {number} n */
  const peek = (n) => {
    const i = from + (bit >> 3);
    return ((bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16)) >>> (bit & 7)) & ((1 << n) - 1);
  };
  const log = peek(4) + 5;
  bit = 4;
  if (log > longest) bad("a table of too many states");
  const counts = [];
  let left = 1 << log;
  while (left > 0) {
    if (counts.length >= symbols) bad("a table of too many symbols");
    const width = 32 - Math.clz32(left + 1), small = (1 << width) - 2 - left, low = peek(width - 1);
    let value = peek(width);
    if (low < small) value = low;
    else if (value >= 1 << (width - 1)) value -= small;
    bit += low < small ? width - 1 : width;
    const count = value - 1;
    left -= Math.abs(count);
    counts.push(count);
    if (count) continue;
    for (let more = 3; more === 3; bit += 2) {
      more = peek(2);
      for (let i = 0; i < more; i++) counts.push(0);
    }
  }
  const end = from + Math.ceil(bit / 8);
  if (left < 0 || end > to || counts.length > symbols) bad("a table that does not add up");
  return { table: fseTable(counts, log), end };
}

/** @typedef {{log: number, symbol: Uint8Array, bits: Uint8Array}} Huffman */

/** A Huffman table (4.2.1) and where its description ends. @param {Uint8Array} bytes @param {number} from @param {number} to */
function readHuffman(bytes, from, to) {
  const head = bytes[from], weights = [];
  let end = from + 1 + (head < 128 ? head : (head - 126) >> 1);
  if (from >= to || end > to) bad("a Huffman table that is cut");
  if (head >= 128) {
    for (let i = 0; i < head - 127; i++) weights.push(i & 1 ? bytes[from + 1 + (i >> 1)] & 15 : bytes[from + 1 + (i >> 1)] >> 4);
  } else {
    const { table, end: at } = readFse(bytes, from + 1, end, 6, 256);
    const stream = new Backward(bytes, at, end), state = [stream.read(table.log), stream.read(table.log)];
    if (stream.left < 0) bad("a Huffman table that is cut");
    for (let turn = 0; ; turn ^= 1) {
      const s = state[turn];
      weights.push(table.symbol[s]);
      state[turn] = table.base[s] + stream.read(table.bits[s]);
      if (stream.left < 0) {
        weights.push(table.symbol[state[turn ^ 1]]);
        break;
      }
      if (weights.length > 254) bad("a Huffman table of too many symbols");
    }
  }
  const sum = weights.reduce((total, w) => total + (w ? 2 ** (w - 1) : 0), 0);
  const log = 32 - Math.clz32(sum), rest = 2 ** log - sum, last = Math.log2(rest) + 1;
  if (!sum || log > 11 || !Number.isInteger(last)) bad("a Huffman table that does not add up");
  weights.push(last);
  const ones = weights.filter((w) => w === 1).length;
  if (weights.length > 256 || ones < 2 || ones & 1) bad("a Huffman table that does not add up");
  const symbol = new Uint8Array(1 << log), bits = new Uint8Array(1 << log);
  let at = 0;
  for (let weight = 1; weight <= log; weight++)
    weights.forEach((w, s) => {
      if (w !== weight) return;
      symbol.fill(s, at, at + (1 << (w - 1)));
      bits.fill(log + 1 - w, at, at + (1 << (w - 1)));
      at += 1 << (w - 1);
    });
  return { table: { log, symbol, bits }, end };
}

/** @param {Huffman} table @param {Uint8Array} bytes @param {number} from @param {number} to @param {Uint8Array} out */
function huffmanStream(table, bytes, from, to, out) {
  const stream = new Backward(bytes, from, to);
  for (let i = 0; i < out.length; i++) {
    const code = stream.peek(table.log);
    out[i] = table.symbol[code];
    stream.left -= table.bits[code];
    if (stream.left < 0) bad("literals that are cut");
  }
  if (stream.left) bad("bits behind the literals");
}

/** Of a code: what it begins with, and how many bits are added. @param {number[]} bits @param {number} first */
function codes(bits, first) {
  let at = first;
  return bits.map((n) => {
    const start = at;
    at += 2 ** n;
    return [start, n];
  });
}

const zeros = (/** @type {number} */ n) => new Array(n).fill(0);
const LENGTHS = codes([...zeros(16), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], 0);
const MATCHES = codes([...zeros(32), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], 3);

// lengths, offsets, matches: most symbols, most states (3.1.1.3.2.1), and the predefined table (3.1.1.3.2.2)
const KINDS = [
  { symbols: 36, longest: 9, table: fseTable([4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6) },
  { symbols: 32, longest: 8, table: fseTable([1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1], 5) },
  { symbols: 53, longest: 9, table: fseTable([1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1], 6) },
];

/** @typedef {{huffman: Huffman | null, tables: (Fse | null)[], offsets: number[]}} State what blocks leave to the next */

/** The literals of a block (3.1.1.3.1) and where they end. @param {Uint8Array} bytes @param {number} from @param {number} to @param {State} state */
function readLiterals(bytes, from, to, state) {
  const type = bytes[from] & 3, format = (bytes[from] >> 2) & 3;
  /** @param {number} n */
  const little = (n) => {
    let value = 0;
    for (let i = n - 1; i >= 0; i--) value = value * 256 + (bytes[from + i] ?? 0);
    return value;
  };
  if (type < 2) {
    const head = format & 1 ? (format >> 1) + 2 : 1, size = Math.floor(little(head) / (head === 1 ? 8 : 16));
    const at = from + head, end = at + (type ? 1 : size);
    if (end > to || size > 131072) bad("literals that are cut");
    return { literals: type ? new Uint8Array(size).fill(bytes[at]) : bytes.subarray(at, end), end };
  }
  const head = [3, 3, 4, 5][format], width = [1024, 1024, 16384, 262144][format], sizes = Math.floor(little(head) / 16);
  const literals = new Uint8Array(Math.min(sizes % width, 131073)), end = from + head + Math.floor(sizes / width);
  if (end > to || literals.length > 131072) bad("literals that are cut");
  let at = from + head;
  if (type === 2) {
    const read = readHuffman(bytes, at, end);
    state.huffman = read.table;
    at = read.end;
  }
  const table = state.huffman ?? bad("literals without a table");
  if (format === 0) huffmanStream(table, bytes, at, end, literals);
  else {
    if (at + 6 > end || literals.length < 6) bad("literals that are cut");
    const quarter = (literals.length + 3) >> 2;
    let start = at + 6;
    for (let i = 0; i < 4; i++) {
      const stop = i === 3 ? end : start + (bytes[at + 2 * i] | (bytes[at + 2 * i + 1] << 8));
      if (stop > end) bad("literals that are cut");
      huffmanStream(table, bytes, start, stop, literals.subarray(i * quarter, i === 3 ? literals.length : (i + 1) * quarter));
      start = stop;
    }
  }
  return { literals, end };
}

/** One compressed block into `out` at `to`; where it ends there. @param {Uint8Array} bytes @param {Uint8Array} out @param {number} to @param {State} state */
function compressedBlock(bytes, out, to, state) {
  if (bytes.length < 2) bad("a block that is cut");
  const { literals, end } = readLiterals(bytes, 0, bytes.length, state);
  let at = end, count = bytes[at++] ?? bad("a block that is cut");
  if (count === 255) count = bytes[at++] + (bytes[at++] << 8) + 0x7f00;
  else if (count > 127) count = ((count - 128) << 8) + bytes[at++];
  let used = 0;
  /** @param {number} n */
  const literal = (n) => {
    if (used + n > literals.length || to + n > out.length) bad("more content than there is");
    out.set(literals.subarray(used, used + n), to);
    used += n;
    to += n;
  };
  if (!(count >= 0)) bad("a block that is cut");
  if (count === 0 && at !== bytes.length) bad("bytes behind the sequences");
  if (count) {
    const modes = bytes[at++];
    if (!(modes >= 0) || modes & 3) bad("a reserved mode");
    KINDS.forEach(({ symbols, longest, table }, kind) => {
      const mode = (modes >> (6 - 2 * kind)) & 3;
      if (mode === 0) state.tables[kind] = table;
      else if (mode === 1) {
        const symbol = bytes[at++];
        if (!(symbol < symbols)) bad("a symbol beyond the last");
        state.tables[kind] = { log: 0, symbol: Uint8Array.of(symbol), bits: Uint8Array.of(0), base: Uint16Array.of(0) };
      } else if (mode === 2) {
        const read = readFse(bytes, at, bytes.length, longest, symbols);
        state.tables[kind] = read.table;
        at = read.end;
      }
    });
    const [lengths, offsets, matches] = state.tables.map((table) => table ?? bad("no table to repeat"));
    const stream = new Backward(bytes, at, bytes.length), recent = state.offsets;
    let l = stream.read(lengths.log), o = stream.read(offsets.log), m = stream.read(matches.log);
    for (let i = 0; i < count; i++) {
      const code = offsets.symbol[o], value = 2 ** code + stream.read(code);
      const [mStart, mBits] = MATCHES[matches.symbol[m]], match = mStart + stream.read(mBits);
      const [lStart, lBits] = LENGTHS[lengths.symbol[l]], length = lStart + stream.read(lBits);
      if (i < count - 1) {
        l = lengths.base[l] + stream.read(lengths.bits[l]);
        m = matches.base[m] + stream.read(matches.bits[m]);
        o = offsets.base[o] + stream.read(offsets.bits[o]);
      }
      if (stream.left < 0) bad("sequences that are cut");
      let offset = value - 3;
      const which = value > 3 ? 3 : value - (length ? 1 : 0);
      if (value <= 3) offset = which === 3 ? recent[0] - 1 : recent[which];
      if (which > 0) recent.splice(Math.min(which, 2), 1), recent.unshift(offset);
      literal(length);
      if (offset < 1 || offset > to || to + match > out.length) bad("an offset before the content");
      for (const stop = to + match; to < stop; to++) out[to] = out[to - offset];
    }
    if (stream.left) bad("bits behind the sequences");
  }
  literal(literals.length - used);
  return to;
}

/**
 * The content, of exactly `size` bytes. `blocks` are the frame's bytes between header and checksum, all whole.
 * @param {Uint8Array} blocks @param {number} size @param {number} window: bytes; blocks are at most as long
 */
export function decodeBlocks(blocks, size, window) {
  const out = new Uint8Array(size), longest = Math.min(window, 131072);
  /** @type {State} */
  const state = { huffman: null, tables: [null, null, null], offsets: [1, 4, 8] };
  let to = 0;
  for (let at = 0; at < blocks.length; ) {
    const head = blocks[at] | (blocks[at + 1] << 8) | (blocks[at + 2] << 16), type = (head >> 1) & 3, length = head >> 3;
    const from = at + 3, start = to;
    at = from + (type === 1 ? 1 : length);
    if (length > longest) bad("a block of too many bytes");
    if (type === 2) to = compressedBlock(blocks.subarray(from, at), out, to, state);
    else {
      if (to + length > size) bad("more content than is stated");
      if (type === 1) out.fill(blocks[from], to, to + length);
      else out.set(blocks.subarray(from, at), to);
      to += length;
    }
    if (to - start > longest) bad("a block of too many bytes");
  }
  if (to !== size) bad("less content than is stated");
  return out;
}
