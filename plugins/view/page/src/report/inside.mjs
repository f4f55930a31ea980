/** What a point's file holds, with a slider over its layers that turns to pictures of its prefixes. */

import { makePanel } from '../panel.mjs';
import { inspect } from '../work/facts.mjs';

/**
 * @param {any} point @param {Uint8Array} bytes of its file
 * @param {(prefix: any, end: number, whole: boolean) => void} turn the last picture that was
 *   made of no more than `end` bytes is wanted, null: that of the whole file
 */
export function insideOf(point, bytes, turn) {
  const facts = inspect(bytes);
  const inside = makePanel(point.file.name, bytes, facts, (layers) => {
    const { end } = facts.layers[layers - 1];
    const whole = layers === facts.layers.length;
    turn(whole ? null : (point.prefixes.filter((/** @type {any} */ made) => made.end <= end).at(-1) ?? null), end, whole);
  });
  return { facts, inside };
}
