/** Pictures of few colours: spec/embeddings/lossless.md, section 9. */
import { filledTable, tableOf } from "./entropy.js";
import { refuse } from "./errors.js";
import { naturals, place, rest } from "./lossless-law.js";

/** @typedef {import("./entropy.js").Stream} Stream */

const AROUND = [[0, -1], [1, 0], [1, -1], [1, 1], [0, -2], [2, 0], [1, -2], [1, 2], [2, -1], [2, 1], [0, -3]];
const LOOKS = [11, 6, 4, 2], SLOTS = 2 ** 17, SUREST = 7, COLOURS = 2048;

/** How often each of some symbols came. */
class Counts {
  /** @param {number} symbols @param {number} most */
  constructor(symbols, most) {
    this.seen = new Float64Array(symbols);
    this.sum = 0;
    this.most = most;
  }

  table() {
    const K = this.seen.length, all = 2 * this.sum + K, edges = tableOf(this.seen.map((n) => 2 * n + 1));
    return edges.map((below, i) => Math.floor((below * (2 ** 24 - K)) / all) + i);
  }

  /** @param {ArrayLike<number>} symbols */
  add(symbols) {
    for (let i = 0; i < symbols.length; i++) this.seen[symbols[i]]++;
    this.sum += symbols.length;
    while (this.sum > this.most) {
      this.seen = this.seen.map((n) => Math.floor(n / 2));
      this.sum = this.seen.reduce((sum, n) => sum + n, 0);
    }
  }
}

/** @param {number} n */
export const signed = (n) => (n % 2 ? -(n + 1) / 2 : n / 2);

/** The list of colours, by channel. @param {Stream} stream @param {number} C @param {number} most */
function colours(stream, C, most) {
  const count = naturals(stream, 1)[0] + 1;
  if (count > COLOURS) refuse(`a list of ${count} colours`);
  /** @type {Float64Array[]} */
  const made = [];
  for (let c = 0; c < C; c++) {
    const counts = new Counts(18, 1024), lengths = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      lengths[i] = stream.read(counts.table());
      counts.add([lengths[i]]);
    }
    let value = 0;
    made.push(rest(stream, lengths).map((step, i) => (value += c ? signed(step) : step) + (c ? made[c - 1][i] : 0)));
  }
  if (made.some((plane) => plane.some((n) => n < 0 || n > most))) refuse(`a colour beyond 0 to ${most}`);
  return made;
}

/** What stood where the pixels around looked so last. */
class Memory {
  constructor() {
    this.look = new Float64Array(SLOTS).fill(-1);
    this.colour = new Int32Array(SLOTS);
    this.sure = new Int32Array(SLOTS);
  }

  /** The colour, -1 where nothing is known, and how sure it is. @param {number} look @returns {[number, number]} */
  at(look) {
    const slot = look >>> 15;
    return this.look[slot] === look ? [this.colour[slot], this.sure[slot]] : [-1, 0];
  }

  /** @param {number} look @param {number} colour @param {[number, number]} before what `at` said before the wave */
  add(look, colour, [was, sure]) {
    const slot = look >>> 15, right = was === colour;
    this.look[slot] = look;
    this.colour[slot] = !right && sure ? was : colour;
    this.sure[slot] = right ? Math.min(sure + 1, SUREST) : sure >> 1;
  }
}

/** Numbers of colours, no more rows than columns. @param {Stream} stream @param {number} H @param {number} W @param {number} count */
function upright(stream, H, W, count) {
  const known = new Int32Array(H * W), memories = LOOKS.map(() => new Memory()), others = new Counts(count, 2 ** 20);
  const answers = Array.from({ length: LOOKS.length ** 2 * (SUREST + 1) }, () => new Counts(2, 1024));
  for (let t = 0; t < W + 3 * (H - 1) && count > 1; t++) {
    const first = Math.max(0, Math.ceil((t - W + 1) / 3)), n = Math.min(H, Math.floor(t / 3) + 1) - first;
    if (n <= 0) continue;
    const looks = Array.from({ length: n }, (_, i) => looked(known, first + i, t - 3 * (first + i), W));
    const before = looks.map((look) => memories.map((memory, k) => memory.at(look[k])));
    const found = new Int32Array(n).fill(-1), asked = Array.from({ length: n }, () => /** @type {number[]} */ ([]));
    memories.forEach((_, k) => {
      /** @type {Map<Counts, {table: import("./entropy.js").Table, said: number[]}>} */
      const told = new Map();
      for (let i = 0; i < n; i++) {
        const [colour, sure] = before[i][k];
        if (found[i] >= 0 || colour < 0 || asked[i].includes(colour)) continue;
        const counts = answers[(k * LOOKS.length + asked[i].length) * (SUREST + 1) + sure];
        let under = told.get(counts);
        if (!under) told.set(counts, under = { table: counts.table(), said: [] });
        const right = stream.read(under.table);
        under.said.push(right);
        asked[i].push(colour);
        if (right) found[i] = colour;
      }
      told.forEach(({ said }, counts) => counts.add(said));
    });
    const left = Array.from(found.keys()).filter((i) => found[i] < 0), table = left.length ? others.table() : filledTable([1]);
    for (const i of left) found[i] = stream.read(table);
    others.add(left.map((i) => found[i]));
    for (let i = 0; i < n; i++) {
      known[(first + i) * W + t - 3 * (first + i)] = found[i];
      memories.forEach((memory, k) => memory.add(looks[i][k], found[i], before[i][k]));
    }
  }
  return known;
}

/** How it looks around a pixel, for each memory. @param {Int32Array} known @param {number} y @param {number} x @param {number} W */
function looked(known, y, x, W) {
  /** @type {number[]} */
  const made = [];
  let h = 0;
  for (const [up, right] of AROUND) {
    const at = place(y - up, x + right, W);
    h = Math.imul(h + (at < 0 ? 0 : known[at]) + 1, 2654435761);
    h = (h ^ (h >>> 15)) >>> 0;
    made.push(h);
  }
  return LOOKS.map((count) => made[count - 1]);
}

/** Numbers of `height` x `width` pixels, [C, height, width]. @param {Stream} stream @param {number} height @param {number} width @param {number} C @param {number} most */
export function readFew(stream, height, width, C, most) {
  const listed = colours(stream, C, most), tall = height > width, n = height * width;
  const numbers = tall ? upright(stream, width, height, listed[0].length) : upright(stream, height, width, listed[0].length);
  const planes = new Float64Array(C * n);
  for (let i = 0; i < n; i++) {
    const number = numbers[tall ? (i % width) * height + Math.floor(i / width) : i];
    for (let c = 0; c < C; c++) planes[c * n + i] = listed[c][number];
  }
  return planes;
}
