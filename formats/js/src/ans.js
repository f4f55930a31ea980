/** The asymmetric numeral system of CHANNELS.md section 4.3: a stack of 32-bit words, a state of 64 bits. */
import { refuse } from "./errors.js";

export class Ans {
  /** @param {Uint8Array} bytes: the stack, bottom first */
  constructor(bytes) {
    if (bytes.length && bytes[bytes.length - 1] === 0) refuse("the bits end in a zero byte");
    const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    whole.set(bytes);
    const view = new DataView(whole.buffer);
    this.stack = Array.from({ length: whole.length / 4 }, (_, i) => view.getUint32(4 * i, true));
    // the state as two halves of 32 bits
    this.high = 0;
    this.low = this.stack.pop() ?? 0;
    const below = this.stack.pop();
    if (below !== undefined) {
      this.high = this.low;
      this.low = below;
    }
  }

  /**
   * One symbol, under cumulative frequencies: sums[p] is the sum of those before p, of which the last is 2^bits.
   * @param {ArrayLike<number>} sums @param {number} [bits] at most 24
   */
  read(sums, bits = 24) {
    const total = 2 ** bits, r = this.low % total;
    let p = 0, end = sums.length - 1;
    while (end - p > 1) {
      const middle = (p + end) >> 1;
      if (sums[middle] <= r) p = middle;
      else end = middle;
    }
    this.advance(sums[p], sums[p + 1] - sums[p], bits);
    return p;
  }

  /** One number below 2^bits, all alike. @param {number} bits: at most 24 */
  even(bits) {
    const r = this.low % 2 ** bits;
    this.advance(r, 1, bits);
    return r;
  }

  /** @param {number} start @param {number} frequency @param {number} bits */
  advance(start, frequency, bits) {
    // x = q frequency + r - start, in pieces that stay below 2^53
    const total = 2 ** bits, r = this.low % total;
    const qLow = (this.high % total) * 2 ** (32 - bits) + Math.floor(this.low / total);
    const part = (qLow & 0xffff) * frequency + (r - start);
    const upper = (qLow >>> 16) * frequency + Math.floor(part / 65536);
    this.low = (upper % 65536) * 65536 + (part % 65536);
    this.high = Math.floor(this.high / total) * frequency + Math.floor(upper / 65536);
    if (this.high === 0 && this.stack.length) {
      this.high = this.low;
      this.low = /** @type {number} */ (this.stack.pop());
    }
  }

  /** Refuses bits that go on, or whose state is not the first one. */
  finish() {
    if (this.high || this.low || this.stack.length) refuse("the bits do not end as they must");
  }
}
