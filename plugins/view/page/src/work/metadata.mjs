/** Words out of an Exif block and an ICC profile: a few of many, for people to read. */

/** @type {Record<number, string>} */
const TAGS = {
  0x010e: 'Description',
  0x010f: 'Camera maker',
  0x0110: 'Camera',
  0x013b: 'Artist',
  0x8298: 'Copyright',
  0x829a: 'Exposure, s',
  0x829d: 'Aperture, f/',
  0x8827: 'ISO',
  0x9003: 'Taken',
  0x920a: 'Focal length, mm',
  0xa434: 'Lens',
};
const [DEEPER, PLACE] = [0x8769, 0x8825];
const SIZES = [0, 1, 1, 2, 4, 8];

/** @param {Uint8Array} block from the TIFF header on @returns {[string, string][]} */
export function exifLines(block) {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const little = block[0] === 0x49;
  /** @type {[string, string][]} */
  const lines = [];
  const folders = [view.getUint32(4, little)];
  for (const folder of folders) {
    if (folders.length > 4) break;
    for (let i = 0; i < view.getUint16(folder, little); i++) {
      const at = folder + 2 + 12 * i;
      const [tag, type, many] = [view.getUint16(at, little), view.getUint16(at + 2, little), view.getUint32(at + 4, little)];
      if (tag === DEEPER) folders.push(view.getUint32(at + 8, little));
      if (tag === PLACE) lines.push(['Place', 'the file says where it was taken']);
      if (!(tag in TAGS)) continue;
      const from = many * SIZES[type] > 4 ? view.getUint32(at + 8, little) : at + 8;
      const value = [
        () => '',
        () => '',
        () => new TextDecoder().decode(block.subarray(from, from + many)).replace(/\0.*/s, ''),
        () => String(view.getUint16(from, little)),
        () => String(view.getUint32(from, little)),
        () => fraction(view.getUint32(from, little), view.getUint32(from + 4, little)),
      ][type]?.();
      if (value) lines.push([TAGS[tag], value]);
    }
  }
  return lines;
}

/** @param {number} above @param {number} below */
function fraction(above, below) {
  if (!below) return '';
  return above && above < below ? `1/${Math.round(below / above)}` : String(Number((above / below).toPrecision(3)));
}

/** The description that an ICC profile gives of itself. @param {Uint8Array} profile */
export function profileName(profile) {
  const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength);
  for (let i = 0, at = 132; i < view.getUint32(128); i++, at += 12) {
    if (view.getUint32(at) !== 0x64657363) continue; // 'desc'
    const from = view.getUint32(at + 4);
    if (view.getUint32(from) === 0x6d6c7563) {
      // 'mluc': the first of its languages, in UTF-16
      const [length, offset] = [view.getUint32(from + 20), view.getUint32(from + 24)];
      return new TextDecoder('utf-16be').decode(profile.subarray(from + offset, from + offset + length));
    }
    const length = view.getUint32(from + 8);
    return new TextDecoder().decode(profile.subarray(from + 12, from + 11 + length));
  }
  return 'without a name';
}
