/**
 * One Zstandard frame as FORMAT.md section 4 wants it: content size stated, no dictionary, nothing behind.
 * The blocks are decoded by zstd-blocks.js; npm's decoders skip content checksums and fill up what a block lacks.
 */
import { xxh64Low } from "./checksum.js";
import { FormatError } from "./errors.js";
import { decodeBlocks } from "./zstd-blocks.js";

/** @param {string} text @returns {never} */
const bad = (text) => {
  throw new FormatError("bad-compression", text);
};

/**
 * The header of the frame: content size, where the blocks begin, whether a checksum follows them.
 * @param {Uint8Array} frame
 */
export function frameHeader(frame) {
  if (frame.length < 5 || frame[0] !== 0x28 || frame[1] !== 0xb5 || frame[2] !== 0x2f || frame[3] !== 0xfd)
    bad("not a Zstandard frame");
  const flags = frame[4], single = (flags >> 5) & 1, width = flags >> 6;
  if (flags & 8) bad("the frame header has its reserved bit set");
  if (flags & 3) {
    // a dictionary number of 0 means none (RFC 8878, 3.1.1.1.3)
    const at = single ? 5 : 6;
    if (frame.subarray(at, at + [0, 1, 2, 4][flags & 3]).some((byte) => byte)) bad("the frame needs a dictionary");
  }
  if (!single && frame[5] >> 3 > 21) bad("the frame states a window of 2^32 bytes or more");
  if (!width && !single) bad("the frame does not state its content size");
  const field = [1, 2, 4, 8][width];
  let at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][flags & 3];
  if (frame.length < at + field) bad("the frame ends inside its header");
  let size = 0;
  for (let i = field - 1; i >= 0; i--) size = size * 256 + frame[at + i];
  if (width === 1) size += 256;
  at += field;
  if (size > Math.ceil(frame.length / 4) * 131072) bad(`${frame.length} bytes cannot hold ${size} bytes`);
  const window = single ? size : 2 ** (10 + (frame[5] >> 3)) * (1 + (frame[5] & 7) / 8);
  return { size, window, blocks: at, checksum: Boolean(flags & 4) };
}

/** What the frame holds. @param {Uint8Array} frame */
export function decompress(frame) {
  const { size, window, blocks, checksum } = frameHeader(frame);
  let at = blocks, last = 0;
  while (!last) {
    if (frame.length < at + 3) bad("the frame ends inside a block");
    const head = frame[at] | (frame[at + 1] << 8) | (frame[at + 2] << 16);
    last = head & 1;
    const type = (head >> 1) & 3;
    if (type === 3) bad("a block of the reserved type");
    at += 3 + (type === 1 ? 1 : head >> 3);
  }
  const end = at + (checksum ? 4 : 0);
  if (frame.length !== end) bad(frame.length < end ? "the frame ends inside a block" : "bytes follow the frame");
  let content = new Uint8Array(0);
  try {
    content = decodeBlocks(frame.subarray(blocks, at), size, window);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    bad(`the frame is damaged: ${error.message}`);
  }
  const stored = frame[at] | (frame[at + 1] << 8) | (frame[at + 2] << 16) | (frame[at + 3] << 24);
  if (checksum && stored >>> 0 !== xxh64Low(content)) bad("the content's checksum differs");
  return content;
}
