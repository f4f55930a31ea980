/** What a file says about itself, part by part, before anything of it is decoded. */

import { EMBEDDINGS, EXTENSIONS, content, embeddingName as nameOf, read, sketchSymbols, splitCompanion } from './reader.mjs';
import { METHODS, describePayload } from './methods.mjs';
import { exifLines, profileName } from './metadata.mjs';

const [MAIN, ICC, COMPANION, EXIF, ALPHA, XMP, THUMBNAIL] = [0, 1, 2, 3, 4, 5, 7];

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

/**
 * @typedef {{offset: number, bytes: number, part: string, kind: string, says: string}} Row
 *   kind: head, check, meta, companion, main, alpha or cut; it gives the row its shade
 * @typedef {{end: number, name: string, shown: string, what: string, segment: number}} Layer
 *   end: bytes of the file up to and with it; shown: of its method
 */

/**
 * Everything that can be told at once. Raises FormatError.
 * @param {Uint8Array} bytes
 */
export function inspect(bytes) {
  const file = read(bytes, { partial: true });
  const { header, segments } = file;
  const rows = describeRows(file, bytes);
  const identity = header.identity;
  return {
    bytes: bytes.length,
    width: header.width,
    height: header.height,
    embedding: nameOf(identity),
    method: METHODS[nameOf(identity)] ?? null,
    package: EMBEDDINGS[identity.id]?.package ?? header.extensions.get(9) ?? null,
    registered: identity.id in EMBEDDINGS,
    model: identity.digest ? `the model ${hex(identity.digest)}` : `profile ${identity.profile}`,
    extensions: [...header.extensions].map(([key, value]) => [EXTENSIONS[key] ?? `key ${key}`, shown(value)]),
    gray: header.extensions.get(3) === 1,
    progressive: header.progressive,
    missing: file.missing.length,
    rows,
    layers: describeLayers(file, rows),
    caption: captionOf(file),
    metadata: describeMetadata(segments),
  };
}

/** What a sketch says in words; null for other files, and for one whose payload is damaged. @param {any} file */
function captionOf(file) {
  if (nameOf(file.header.identity) !== 'text_sketch') return null;
  try {
    return sketchSymbols(file).caption || null;
  } catch {
    return null;
  }
}

/** @param {any} file @param {Uint8Array} bytes @returns {Row[]} */
function describeRows({ header, segments, missing, layout }, bytes) {
  const many = segments.filter((/** @type {any} */ { type }) => type === MAIN).length + missing.filter((/** @type {number} */ type) => type === MAIN).length;
  let [next, layers] = [0, 0];
  return layout.map((/** @type {any} */ row) => {
    if (!row.part.startsWith('segment ') || row.part === 'segment table') {
      return { ...row, kind: kindOf(row.part), says: describeHead(row, header, bytes) };
    }
    const { type, body } = segments[next++];
    if (type === COMPANION) {
      const { identity, payload } = splitCompanion(body);
      return { ...row, kind: 'companion', says: `a layer of ${nameOf(identity)}: ${describePayload(nameOf(identity), payload, identity)}` };
    }
    if (type === MAIN) {
      const says = layers++ ? '' : describePayload(nameOf(header.identity), body, header.identity);
      const which = many > 1 ? `layer ${layers} of ${many}` : '';
      return { ...row, kind: 'main', says: [says, which].filter(Boolean).join('; ') };
    }
    return { ...row, kind: type === ALPHA ? 'alpha' : 'meta', says: SAYS[type] ?? 'not known here, and may be ignored' };
  });
}

/** @param {string} part */
const kindOf = (part) => (part === 'checksum' ? 'check' : part === 'incomplete segment' ? 'cut' : 'head');

/** @type {Record<number, string>} */
const SAYS = {
  [ICC]: 'colour profile, compressed',
  [EXIF]: 'what the camera wrote down, compressed',
  [XMP]: 'description in XML, compressed',
  [THUMBNAIL]: 'a small picture for lists of files',
  [ALPHA]: 'transparency of every pixel, compressed',
};

/** @param {any} row @param {any} header @param {Uint8Array} bytes @returns {string} */
function describeHead(row, header, bytes) {
  const flags = bytes[3] & 63;
  const set = ['extensions', 'table', 'progressive'].filter((_, bit) => (flags >> bit) & 1);
  switch (row.part) {
    case 'signature':
      return 'this is a GCX file, and no text transfer has touched it';
    case 'version, flags':
      return `version 1; ${set.length ? set.join(', ') : 'no flags'}`;
    case 'embedding':
      return `${nameOf(header.identity)}: how the picture was coded`;
    case 'profile':
      return `set ${header.identity.profile} of weights and tables`;
    case 'model digest':
      return 'which weights it was coded with';
    case 'width, height':
      return `${header.width} × ${header.height} pixels`;
    case 'extensions':
      return [...header.extensions.keys()].map((key) => (EXTENSIONS[key] ?? `key ${key}`).replaceAll('_', ' ')).join(', ');
    case 'segment table':
      return 'what the segments are, and how long';
    case 'checksum':
      return `CRC-${8 * row.bytes}: damage before it shows`;
    case 'incomplete segment':
      return 'cut short; not used';
    default:
      return '';
  }
}

/** @param {any} file @param {Row[]} rows @returns {Layer[]} */
function describeLayers({ header, segments }, rows) {
  const bodies = rows.flatMap((row, place) => (row.part.startsWith('segment ') && row.part !== 'segment table' ? [place] : []));
  return segments.flatMap((/** @type {any} */ { type, body }, /** @type {number} */ segment) => {
    if (type !== MAIN && type !== COMPANION) return [];
    const name = nameOf(type === MAIN ? header.identity : splitCompanion(body).identity);
    const row = rows[bodies[segment]];
    const check = header.progressive ? (rows[bodies[segment] + 1]?.bytes ?? 0) : 0;
    return [{ end: row.offset + row.bytes + check, name, shown: METHODS[name]?.shown ?? 'elsewhere', what: type === MAIN ? 'layer' : 'companion', segment }];
  });
}

/** @param {any[]} segments */
function describeMetadata(segments) {
  /** @type {{title: string, bytes: number, lines?: [string, string][], text?: string, picture?: Uint8Array}[]} */
  const found = [];
  for (const segment of segments) {
    const { type, body } = segment;
    try {
      if (type === ICC) found.push({ title: 'Colour profile', bytes: body.length, text: profileName(content(segment)) });
      if (type === EXIF) found.push({ title: 'Exif', bytes: body.length, lines: exifLines(content(segment)) });
      if (type === XMP) found.push({ title: 'XMP', bytes: body.length, text: new TextDecoder().decode(content(segment)) });
      if (type === THUMBNAIL) found.push({ title: 'Thumbnail', bytes: body.length, picture: body.slice() });
      if (type === ALPHA) found.push({ title: 'Transparency', bytes: body.length, text: `${body[0]} bits per pixel` });
    } catch (error) {
      found.push({ title: SAYS[type], bytes: body.length, text: `cannot be read: ${/** @type {Error} */ (error).message}` });
    }
  }
  return found;
}

/** A value of the extension map in words. @param {any} value @returns {string} */
function shown(value) {
  if (value instanceof Uint8Array) return hex(value);
  if (value instanceof Map) return [...value].map(([key, item]) => `${key} ${shown(item)}`).join(', ');
  if (Array.isArray(value)) return value.map(shown).filter(Boolean).join(', ');
  return String(value);
}
