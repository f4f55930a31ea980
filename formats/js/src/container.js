/** Reads the container: FORMAT.md, with its order of checks (section 7), so that one fault has one error. */
import { crc16, crc32 } from "./checksum.js";
import { FormatError } from "./errors.js";
import { checkForm, parse, value } from "./msgpack.js";
import { EXTENSIONS, SEGMENTS } from "./registry.js";
import { frameHeader } from "./zstd.js";

/**
 * @typedef {{id: number, name: string | null, profile: number, digest: Uint8Array | null}} Identity
 *   id 0 has a name; profile 0 has a digest of 8 bytes
 * @typedef {{identity: Identity, width: number, height: number, progressive: boolean,
 *   extensions: Map<any, any>}} Header extensions by key; bigint beyond 2^53
 * @typedef {{type: number, body: Uint8Array}} Segment
 * @typedef {{offset: number, bytes: number, part: string}} Row
 * @typedef {{header: Header, segments: Segment[], missing: number[], layout: Row[]}} File missing: types of the segments that a cut file lacks
 */

export const LIMITS = Object.freeze({
  pixels: 2 ** 28, segments: 4096, header_bytes: 65536, depth: 8, items: 4096, content: 2 ** 26,
});

export const MAIN = 0, ICC = 1, COMPANION = 2, EXIF = 3, ALPHA = 4, XMP = 5, THUMBNAIL = 7;
const ORDER = [ICC, EXIF, XMP, THUMBNAIL, COMPANION, MAIN, ALPHA];
const ONCE = new Set([ICC, EXIF, XMP, THUMBNAIL, ALPHA]);
const EXTENSION_FLAG = 1, TABLE_FLAG = 2, PROGRESSIVE_FLAG = 4;

/** Reads forward over bytes, of which the first `end` exist. */
class Cursor {
  /** @param {Uint8Array} data @param {number} at @param {number} end */
  constructor(data, at, end) {
    this.data = data;
    this.at = at;
    this.end = end;
  }

  /** @param {number} n @param {string} what @returns {Uint8Array} */
  take(n, what) {
    if (this.end - this.at < n) throw new FormatError("truncated", `the file ends inside its ${what}`, this.end);
    this.at += n;
    return this.data.subarray(this.at - n, this.at);
  }

  /** @param {string} what */
  u8(what) {
    return this.take(1, what)[0];
  }

  /** Shortest LEB128 below 2^63; bigint beyond 2^53, so that it keeps its parity. @param {string} what */
  uleb(what) {
    let n = 0n;
    for (let i = 0n; i < 9n; i++) {
      const byte = this.u8(what);
      n |= BigInt(byte & 127) << (7n * i);
      if (byte & 128) continue;
      if (byte === 0 && i > 0n) throw new FormatError("not-canonical", `${what}: not the shortest LEB128`, this.at - 1);
      return n > 9007199254740991n ? n : Number(n);
    }
    throw new FormatError("not-canonical", `${what}: LEB128 of more than 9 bytes`, this.at - 1);
  }
}

/**
 * @param {Cursor} cursor @param {(part: string) => void} [done]
 * @returns {Identity}
 */
function readIdentity(cursor, done = () => {}) {
  const id = cursor.u8("embedding");
  if (id === 255) throw new FormatError("reserved-embedding", "embedding 255 is reserved", cursor.at - 1);
  let name = null;
  if (id === 0) {
    const from = cursor.at;
    name = String.fromCharCode(...cursor.take(cursor.u8("embedding's name"), "embedding's name"));
    if (name.length < 3 || name.length > 64 || !/^[a-z0-9._-]+\/[a-z0-9._-]+$/.test(name)) throw new FormatError("bad-name", "not a name vendor/name", from);
  }
  done("embedding");
  const profile = cursor.u8("profile");
  const digest = profile === 0 ? Uint8Array.from(cursor.take(8, "model digest")) : null;
  done(profile === 0 ? "model digest" : "profile");
  return { id, name, profile, digest };
}

/**
 * From the first byte after the flags to the last before the checksum or the first body.
 * @param {Cursor} cursor @param {number} flags @param {typeof LIMITS} limits
 */
function readHead(cursor, flags, limits) {
  /** @type {Row[]} */
  const layout = [];
  let from = cursor.at;
  /** @param {string} part */
  const done = (part) => {
    layout.push({ offset: from, bytes: cursor.at - from, part });
    from = cursor.at;
  };
  const progressive = Boolean(flags & PROGRESSIVE_FLAG);
  if (progressive && !(flags & TABLE_FLAG)) throw new FormatError("not-canonical", "PROGRESSIVE without TABLE", 3);
  const identity = readIdentity(cursor, done);
  const size = cursor.take(4, "size");
  const width = (size[0] | (size[1] << 8)) + 1, height = (size[2] | (size[3] << 8)) + 1;
  done("width, height");
  let map = null;
  if (flags & EXTENSION_FLAG) {
    const length = Number(cursor.uleb("length of the extension map"));
    if (length > limits.header_bytes)
      throw new FormatError("limit-exceeded", `an extension map of ${length} bytes`, from);
    map = cursor.take(length, "extension map");
    done("extensions");
  }
  /** @type {{type: number | bigint, length: number | null}[]} */
  const table = [];
  if (flags & TABLE_FLAG) {
    const count = Number(cursor.uleb("segment table"));
    if (count > limits.segments) throw new FormatError("limit-exceeded", `${count} segments`, from);
    for (let i = 0; i < count; i++) {
      const type = cursor.uleb("segment table");
      const open = i === count - 1 && !progressive;
      table.push({ type, length: open ? null : Number(cursor.uleb("segment table")) });
    }
    if (!progressive && count === 1 && table[0].type === MAIN)
      throw new FormatError("not-canonical", "a segment table where none is needed", from);
    done("segment table");
  } else table.push({ type: MAIN, length: null });
  return { identity, width, height, progressive, map, table, layout };
}

/** How many bytes the checksum over n bytes has. @param {number} n @param {boolean} table */
const checksumBytes = (n, table) => (n <= 4093 || !table ? 2 : 4);

/** Whether the checksum at `end` is that of bytes from..end. @param {Uint8Array} data @param {number} from @param {number} end @param {boolean} table */
function checksumHolds(data, from, end, table) {
  const covered = data.subarray(from, end), wide = checksumBytes(end - from, table) === 4;
  let stored = 0;
  for (let i = wide ? 3 : 1; i >= 0; i--) stored = stored * 256 + data[end + i];
  return stored === (wide ? crc32(covered) : crc16(covered));
}

/** The signature as a transfer in text mode leaves it; an end or a byte of version 1 follows. */
const AS_TEXT = [
  [0xc7, 0x0a], [0xc7, 0x0d, 0x0d, 0x0a], [0xc7, 0x0d, 0x0d], [0xc7, 0x0a, 0x0a], [0xc7, 0x0d],
  [0x47, 0x0d, 0x0a], [0x3f, 0x0d, 0x0a], [0xc3, 0x87, 0x0a], [0xef, 0xbf, 0xbd, 0x0a],
  [0xc3, 0x87, 0x0d, 0x0a], [0xef, 0xbf, 0xbd, 0x0d, 0x0a],
];

/** @param {Uint8Array} data */
function checkSignature(data) {
  /** @param {number[]} start */
  const begins = (...start) => data.length >= start.length && start.every((byte, i) => data[i] === byte);
  if (begins(0xc7, 0x0d, 0x0a)) return;
  if (data.length < 3 && [0xc7, 0x0d].slice(0, data.length).every((byte, i) => data[i] === byte))
    throw new FormatError("truncated", "the file ends inside its signature", data.length);
  if (AS_TEXT.some((form) => begins(...form) && (data.length === form.length || data[form.length] >> 6 === 1)))
    throw new FormatError("text-damaged", "the signature was changed as text is; transfer the file as binary", 0);
  throw new FormatError("not-gcx", "not a GCX file", 0);
}

/** The checksum of a file that is not PROGRESSIVE. @param {Uint8Array} data @param {number} flags @param {typeof LIMITS} limits */
function checkWhole(data, flags, limits) {
  if (data.length < 12) throw new FormatError("truncated", "the file is shorter than any", data.length);
  const table = Boolean(flags & TABLE_FLAG);
  const narrow = data.length - 2 <= 4093 || !table;
  const end = data.length - (narrow ? 2 : 4);
  if ((narrow || end > 4093) && checksumHolds(data, 0, end, table)) return end;
  try {
    const cursor = new Cursor(data, 4, data.length);
    const head = readHead(cursor, flags, limits);
    const needed = head.table.reduce((sum, row) => sum + (row.length ?? 0), cursor.at);
    if (needed > data.length)
      throw new FormatError("truncated", "the file ends before its last segment", data.length);
  } catch (error) {
    if (error instanceof FormatError && error.code === "truncated") throw error;
  }
  throw new FormatError("checksum-mismatch", "the checksum differs", end);
}

const PACKAGE = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** @param {Uint8Array} bytes @param {Identity} identity @param {typeof LIMITS} limits @returns {Map<any, any>} */
function readExtensions(bytes, identity, limits) {
  const map = parse(bytes);
  checkForm(bytes, map, limits);
  for (let i = 0; i < map.children.length; i += 2) {
    const key = map.children[i].value, { kind, value: it, children } = map.children[i + 1];
    /** @param {boolean} ok */
    const demand = (ok) => {
      if (!ok) throw new FormatError("bad-extension-value", `extension ${key} (${EXTENSIONS[key]}) has a value it cannot have`);
    };
    /** @param {boolean} not */
    const notDefault = (not) => {
      if (!not) throw new FormatError("not-canonical", `extension ${key} (${EXTENSIONS[key]}) is at its default`);
    };
    if (key === 0) {
      demand(kind === "int" && it >= 0);
      notDefault(it !== 0);
    } else if (key === 1) {
      const text = children[0]?.kind === "str" ? new TextEncoder().encode(children[0].value).length : 0;
      demand(kind === "array" && children.length === 2 && text >= 1 && text <= 64);
      demand(children[1].kind === "map" && children[1].children.every((c, n) => n % 2 === 1 || c.kind === "str"));
    } else if (key === 2) {
      demand(kind === "map");
      notDefault(children.length > 0);
    } else if (key === 3) {
      notDefault(kind !== "int" || it !== 3);
      demand(kind === "int" && it === 1);
    } else if (key === 5) demand(kind === "bin" && it.length === 8);
    else if (key === 7) {
      notDefault(kind !== "int" || it !== 8);
      demand(kind === "int" && it >= 1 && it <= 32);
    } else if (key === 9) {
      demand(kind === "str" && it.length <= 64 && PACKAGE.test(it));
      demand(identity.id === 0);
    } else if (!(BigInt(key) & 1n))
      throw new FormatError("unknown-required-extension", `extension ${key} must be understood and is not known`);
  }
  return value(map);
}

/** @param {{type: number | bigint}[]} table */
function checkOrder(table) {
  let last = -1;
  const seen = new Set();
  for (const { type } of table) {
    const rank = ORDER.indexOf(Number(type));
    if (rank < 0) {
      if (!(BigInt(type) & 1n)) throw new FormatError("unknown-required-segment", `segment type ${type} must be understood and is not known`);
      continue;
    }
    if (rank < last || (ONCE.has(Number(type)) && seen.has(type)))
      throw new FormatError("bad-segment-order", `segment ${SEGMENTS[Number(type)]} stands where it must not`);
    last = rank;
    seen.add(type);
  }
  if (!seen.has(MAIN)) throw new FormatError("bad-segment-order", "there is no main segment");
}

/** @param {number} type @param {Uint8Array} body @param {Header} header @param {typeof LIMITS} limits */
function checkBody(type, body, header, limits) {
  if (type === COMPANION) splitCompanion(body);
  else if (type === ALPHA) {
    const depth = body[0];
    if (depth !== 8 && depth !== 16) throw new FormatError("bad-segment", `alpha of depth ${depth}`);
    const { size } = frameHeader(body.subarray(1));
    if (size !== (header.width * header.height * depth) / 8) throw new FormatError("bad-segment", `alpha of ${size} bytes`);
  } else if (type === ICC || type === EXIF || type === XMP) {
    const { size } = frameHeader(body);
    if (size > limits.content) throw new FormatError("limit-exceeded", `segment ${SEGMENTS[type]} unpacks to ${size} bytes`);
  }
}

/** A companion's identity and payload. @param {Uint8Array} body */
export function splitCompanion(body) {
  const cursor = new Cursor(body, 0, body.length);
  try {
    return { identity: readIdentity(cursor), payload: body.subarray(cursor.at) };
  } catch (error) {
    if (error instanceof FormatError && error.code === "truncated")
      throw new FormatError("bad-segment", "a companion ends inside its identity");
    throw error;
  }
}

/**
 * The file's header, segments and layout, or the one FormatError that FORMAT.md says.
 * With `partial` a PROGRESSIVE file may be cut short: whole segments are given, the types of the others are `missing`.
 * @param {Uint8Array} data
 * @param {{partial?: boolean, limits?: Partial<typeof LIMITS>}} [options]
 * @returns {File}
 */
export function read(data, options = {}) {
  if (!(data instanceof Uint8Array)) throw new TypeError("a file is a Uint8Array; of an ArrayBuffer take new Uint8Array(buffer)");
  const limits = { ...LIMITS, ...options.limits };
  checkSignature(data);
  if (data.length < 4) throw new FormatError("truncated", "the file ends before its version", data.length);
  const version = data[3] >> 6, flags = data[3] & 63;
  if (version !== 1) throw new FormatError("unsupported-version", `version ${version}`, 3);
  if (flags & 0x38) throw new FormatError("reserved-flags", `reserved flags ${(flags & 0x38).toString(16)}`, 3);
  const progressive = Boolean(flags & PROGRESSIVE_FLAG);
  const end = progressive ? data.length : checkWhole(data, flags, limits);
  const cursor = new Cursor(data, 4, end);
  const { map, table, layout, ...start } = readHead(cursor, flags, limits);
  layout.unshift({ offset: 0, bytes: 3, part: "signature" }, { offset: 3, bytes: 1, part: "version, flags" });

  /** @param {number} from: checks and passes the checksum over from..cursor */
  const checksum = (from) => {
    const at = cursor.at, width = checksumBytes(at - from, true);
    cursor.take(width, "checksum");
    if (!checksumHolds(data, from, at, true)) throw new FormatError("checksum-mismatch", "the checksum differs", at);
    return { offset: at, bytes: width, part: "checksum" };
  };
  if (progressive) layout.push(checksum(0));
  if (start.width * start.height > limits.pixels)
    throw new FormatError("limit-exceeded", `${start.width} x ${start.height} pixels`);
  const extensions = map ? readExtensions(map, start.identity, limits) : new Map();
  checkOrder(table);

  const header = { ...start, extensions };
  /** @type {Segment[]} */
  const segments = [];
  /** @type {number[]} */
  let missing = [];
  for (const { type, length } of table) {
    const from = cursor.at, name = SEGMENTS[Number(type)] ?? `type ${type}`;
    try {
      const body = cursor.take(length ?? end - from, `segment ${name}`);
      const row = { offset: from, bytes: body.length, part: `segment ${name}` };
      const check = progressive ? checksum(from) : null;
      checkBody(Number(type), body, header, limits);
      segments.push({ type: Number(type), body });
      layout.push(row, ...(check ? [check] : []));
    } catch (error) {
      const cut = error instanceof FormatError && error.code === "truncated";
      if (!cut || !progressive || !options.partial) throw error;
      missing = table.slice(segments.length).map((row) => Number(row.type));
      if (from < end) layout.push({ offset: from, bytes: end - from, part: "incomplete segment" });
      cursor.at = end;
      break;
    }
  }
  if (cursor.at !== end)
    throw new FormatError("trailing-bytes", `the file goes on for ${end - cursor.at} bytes after its last segment`, cursor.at);
  if (!progressive) layout.push({ offset: end, bytes: data.length - end, part: "checksum" });
  return { header, segments, missing, layout };
}
