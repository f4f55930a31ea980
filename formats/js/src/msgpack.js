/**
 * The extension map of FORMAT.md section 3: msgpack of the allowed kinds, then canonical form and limits.
 * Nodes keep their place, so that form is seen on the bytes and nothing is encoded again.
 */
import { FormatError } from "./errors.js";

/**
 * @typedef {any} Value nil, boolean, number (bigint beyond 2^53), string, Uint8Array, array, Map
 * @typedef {{kind: "nil"|"bool"|"int"|"float"|"str"|"bin"|"array"|"map", value: any, children: Node[],
 *   start: number, end: number, short: boolean, depth: number}} Node
 */

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @param {string} text @returns {never} */
const bad = (text) => {
  throw new FormatError("bad-extensions", `the extension map ${text}`);
};

/** @param {bigint} n */
const plain = (n) => (n <= 9007199254740991n && n >= -9007199254740991n ? Number(n) : n);

/** Whether a head byte of kind "int" is the shortest for n. @param {number} head @param {number | bigint} n */
function shortestInteger(head, n) {
  if (n >= 0) return head < 0x80 ? true : head === (n < 128 ? 0 : n < 256 ? 0xcc : n < 65536 ? 0xcd : n < 2 ** 32 ? 0xce : 0xcf);
  return head >= 0xe0 || head === (n >= -32 ? 0 : n >= -128 ? 0xd0 : n >= -32768 ? 0xd1 : n >= -(2 ** 31) ? 0xd2 : 0xd3);
}

/**
 * The nodes of one msgpack map; no recursion, so that no depth is too much.
 * @param {Uint8Array} bytes @returns {Node}
 */
export function parse(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  /** @param {number} n */
  const take = (n) => {
    if (bytes.length - at < n) bad("ends early");
    at += n;
    return at - n;
  };
  /** @param {number} width: a big-endian number of 1, 2 or 4 bytes */
  const count = (width) => {
    const from = take(width);
    return width === 1 ? bytes[from] : width === 2 ? view.getUint16(from) : view.getUint32(from);
  };
  /** @param {Node["kind"]} kind @param {any} value @param {boolean} [short] @returns {Node} */
  const node = (kind, value, short = true) => ({ kind, value, children: [], start: 0, end: 0, short, depth: 0 });
  /** @param {Node["kind"]} kind @param {number} length @param {boolean} short */
  const string = (kind, length, short) => {
    const from = take(length), raw = bytes.subarray(from, at);
    if (kind === "bin") return node(kind, Uint8Array.from(raw), short);
    try {
      return node(kind, UTF8.decode(raw), short);
    } catch {
      return bad("has a string that is not UTF-8");
    }
  };
  /** @returns {Node} without children; `value` of arrays and maps is the number of children to come */
  const head = () => {
    const byte = bytes[take(1)];
    if (byte < 0x80) return node("int", byte);
    if (byte < 0x90) return node("map", 2 * (byte & 15));
    if (byte < 0xa0) return node("array", byte & 15);
    if (byte < 0xc0) return string("str", byte & 31, true);
    if (byte >= 0xe0) return node("int", byte - 256);
    switch (byte) {
      case 0xc0: return node("nil", null);
      case 0xc2: case 0xc3: return node("bool", byte === 0xc3);
      case 0xc4: case 0xc5: case 0xc6: {
        const n = count(1 << (byte - 0xc4));
        return string("bin", n, n >= [0, 256, 65536][byte - 0xc4]);
      }
      case 0xca: case 0xcb: {
        const x = byte === 0xca ? view.getFloat32(take(4)) : view.getFloat64(take(8));
        if (!Number.isFinite(x)) bad("has a float that is not finite");
        return node("float", x, byte === 0xca || Math.fround(x) !== x);
      }
      case 0xcc: case 0xcd: case 0xce: {
        const n = count(1 << (byte - 0xcc));
        return node("int", n, shortestInteger(byte, n));
      }
      case 0xcf: case 0xd3: {
        const n = plain(byte === 0xcf ? view.getBigUint64(take(8)) : view.getBigInt64(take(8)));
        return node("int", n, shortestInteger(byte, n));
      }
      case 0xd0: case 0xd1: case 0xd2: {
        const n = byte === 0xd0 ? view.getInt8(take(1)) : byte === 0xd1 ? view.getInt16(take(2)) : view.getInt32(take(4));
        return node("int", n, shortestInteger(byte, n));
      }
      case 0xd9: case 0xda: case 0xdb: {
        const n = count(1 << (byte - 0xd9));
        return string("str", n, n >= [32, 256, 65536][byte - 0xd9]);
      }
      case 0xdc: case 0xdd: {
        const n = count(byte === 0xdc ? 2 : 4);
        return node("array", n, n >= (byte === 0xdc ? 16 : 65536));
      }
      case 0xde: case 0xdf: {
        const n = count(byte === 0xde ? 2 : 4);
        return node("map", 2 * n, n >= (byte === 0xde ? 16 : 65536));
      }
      default: return bad("has a value of a kind that is not allowed");
    }
  };
  const root = node("array", 1);
  const open = [root];
  while (open.length) {
    const parent = open[open.length - 1];
    if (parent.children.length === parent.value) {
      parent.end = at;
      open.pop();
      continue;
    }
    const start = at, child = head();
    child.start = start;
    child.end = at;
    child.depth = open.length;
    if (parent.kind === "map" && parent.children.length % 2 === 0 && child.kind !== "int" && child.kind !== "str")
      bad("has a key that is neither integer nor string");
    if (parent === root && child.kind !== "map") bad("is not a map");
    if (parent.depth === 1 && parent.children.length % 2 === 0 && (child.kind !== "int" || child.value < 0))
      bad("has a key that is not an unsigned integer");
    parent.children.push(child);
    if (child.kind === "map" || child.kind === "array") open.push(child);
  }
  if (at !== bytes.length) bad("has bytes behind it");
  return root.children[0];
}

/** @param {Uint8Array} bytes @param {Node} a @param {Node} b: compared as encoded bytes */
function compare(bytes, a, b) {
  const length = Math.min(a.end - a.start, b.end - b.start);
  for (let i = 0; i < length; i++)
    if (bytes[a.start + i] !== bytes[b.start + i]) return bytes[a.start + i] - bytes[b.start + i];
  return a.end - a.start - (b.end - b.start);
}

/**
 * Limits, then canonical form, of all nodes.
 * @param {Uint8Array} bytes @param {Node} map @param {{depth: number, items: number}} limits
 */
export function checkForm(bytes, map, limits) {
  /** @type {Node[]} */
  const nodes = [map];
  for (let i = 0; i < nodes.length; i++) for (const child of nodes[i].children) nodes.push(child);
  if (nodes.some((n) => (n.kind === "map" || n.kind === "array") && n.depth > limits.depth))
    throw new FormatError("limit-exceeded", `the extension map is nested more than ${limits.depth} deep`);
  if (nodes.length > limits.items)
    throw new FormatError("limit-exceeded", `the extension map has more than ${limits.items} keys and values`);
  /** @param {string} text */
  const form = (text) => new FormatError("not-canonical", `the extension map ${text}`);
  if (!map.children.length) throw form("is empty");
  for (const node of nodes) {
    if (!node.short) throw form("has a value that is not in its shortest form");
    if (node.kind !== "map") continue;
    for (let i = 2; i < node.children.length; i += 2)
      if (compare(bytes, node.children[i - 2], node.children[i]) >= 0)
        throw form("has keys that are not in ascending order, or twice");
  }
}

/** The plain value of a node that is not too deep. @param {Node} node @returns {Value} */
export function value(node) {
  if (node.kind === "array") return node.children.map(value);
  if (node.kind !== "map") return node.value;
  const map = new Map();
  for (let i = 0; i < node.children.length; i += 2) map.set(value(node.children[i]), value(node.children[i + 1]));
  return map;
}
