/** The head of a payload of `diffc`: which channel sends its steps (CHANNELS.md section 7). */
import { refuse } from "./errors.js";

/** Channels that say their memory in the upper half of the byte. @type {Record<number, {channel: string, least: number}>} */
const TRELLISES = {
  0: { channel: "trellis", least: 4 },
  2: { channel: "antipodal", least: 4 },
  4: { channel: "folded", least: 8 },
};

/**
 * Of a channel that is not registered `parameters` are the options as texts, and `fixed` is not known (false).
 * @param {Uint8Array} payload
 * @returns {{channel: string, parameters: Record<string, any>, fixed: boolean, bytes: number}} bytes: of the head
 */
export function readHead(payload) {
  if (!payload.length) refuse("no byte that names a channel");
  const number = payload[0] & 15, high = payload[0] >> 4;
  const trellis = TRELLISES[number];
  if (trellis) return { channel: trellis.channel, parameters: { memory: high + trellis.least }, fixed: true, bytes: 1 };
  if (number === 1) return { channel: "chunked", parameters: { chunk: 16, padding: 2, fresh: false }, fixed: false, bytes: 1 };
  if (number !== 15) refuse(`no channel has the number ${number}`);
  const length = payload[1];
  if (high !== 1) refuse("a channel without a number and without a name");
  if (!length || payload.length < 2 + length) refuse("the name of a channel ends early");
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload.subarray(2, 2 + length));
  } catch {
    refuse("the name of a channel is not UTF-8");
  }
  const [channel, ...options] = text.split(":");
  if (channel.length > 64 || !/^[a-z0-9._-]+\/[a-z0-9._-]+$/.test(channel)) refuse("a channel's name is not vendor/name");
  const parameters = options.map((option) => {
    const at = option.indexOf("=");
    return at > 0 ? [option.slice(0, at), option.slice(at + 1)] : refuse("an option of a channel without a value");
  });
  return { channel, parameters: Object.fromEntries(parameters), fixed: false, bytes: 2 + length };
}
