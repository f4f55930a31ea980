/** What stands beside the picture: facts of the file, what a receiver needs, its bytes, its layers, its metadata. */

import { bytesSection } from './bytes.mjs';
import { count, el, plural, short, size } from './dom.mjs';

/**
 * @param {string} name @param {Uint8Array} bytes @param {any} facts
 * @param {(layers: number) => void} onlayers a prefix of the layers is wanted
 * @returns {HTMLElement}
 */
export function makePanel(name, bytes, facts, onlayers) {
  const parts = bytesSection(bytes, facts.rows);
  return el(
    'div',
    { className: 'panel' },
    el('h2', { textContent: name }),
    el('p', { className: 'lead' }, `${size(facts.bytes)}, ${rate(facts, facts.bytes)}`),
    definitions([
      ['Picture', `${facts.width} × ${facts.height}${facts.gray ? ', gray' : ''}`],
      ['Coded as', facts.method ? `${facts.embedding}: ${facts.method.sends}` : facts.embedding],
      ...(facts.caption ? [['Caption', facts.caption]] : []),
      ['With', facts.model],
      ...facts.extensions,
    ]),
    facts.missing > 0 && el('p', { className: 'note' }, `The file was cut short: ${facts.missing} of ${facts.layers.length + facts.missing} segments are missing, and what is here is whole.`),
    facts.layers.length > 1 && layersSection(facts, parts.upTo, onlayers),
    parts.section,
    metadataSection(facts.metadata),
  );
}

/** @param {any} facts @param {number} bytes */
const rate = ({ width, height }, bytes) => `${short((8 * bytes) / (width * height))} bits per pixel`;

/** @param {[string, string][]} pairs */
const definitions = (pairs) => el('dl', {}, ...pairs.flatMap(([key, value]) => [el('dt', { textContent: key.replaceAll('_', ' ') }), el('dd', { textContent: value, data: { key } })]));

/** What shows a picture that this page does not. @param {string} name @param {any} facts @returns {Node[]} */
export function needs(name, facts) {
  const { method } = facts;
  const title = el('h2', {}, 'This page cannot show ', el('code', { textContent: facts.embedding }));
  const file = /^[\w.-]+$/.test(name) ? name : `'${name}'`;
  if (method) {
    const command = `pip install ${method.needs}\ngcodec decode ${file} --recon ${method.recon}${facts.missing ? ' --partial' : ''}`;
    const why = `The file holds ${method.sends}, and the networks that make a picture of that are too large for a page. With Python 3.11 or newer:`;
    const caption = facts.caption ? [el('blockquote', { textContent: facts.caption })] : [];
    return [title, ...caption, el('p', { textContent: why }), el('pre', {}, el('code', { textContent: command }))];
  }
  const text = facts.package
    ? `The embedding is not registered. The file says that the package ${facts.package} has it; whether to trust that is yours to judge.`
    : 'The embedding is not registered, and the file does not say which package has it: ask the sender.';
  return [title, el('p', { textContent: text })];
}

/** The slider over prefixes of the file. @param {any} facts @param {(end: number) => void} upTo @param {(layers: number) => void} onlayers */
function layersSection(facts, upTo, onlayers) {
  const { layers } = facts;
  const output = el('output', { htmlFor: 'layers' });
  const slider = el('input', { id: 'layers', type: 'range', min: '1', max: String(layers.length), value: String(layers.length), oninput: changed });
  function changed() {
    const taken = Number(slider.value);
    const { end } = layers[taken - 1];
    const text = `${taken} of ${count(layers.length)}: the first ${plural(end, 'byte')}, ${rate(facts, end)}`;
    output.textContent = text;
    slider.setAttribute('aria-valuetext', text);
    upTo(taken === layers.length ? Infinity : end);
    onlayers(taken);
  }
  changed();
  /** @type {Map<string, number>} */
  const kinds = new Map();
  for (const { name, what } of layers) kinds.set(`${what} of ${name}`, (kinds.get(`${what} of ${name}`) ?? 0) + 1);
  const held = [...kinds].map(([kind, many]) => (many === 1 ? `a ${kind}` : `${many} ${kind.replace(/^(\w+)/, '$1s')}`)).join(', then ');
  const why = facts.progressive ? 'Each prefix is a file of a lower rate.' : 'The file is not progressive: it has to be whole.';
  return el('section', { className: 'layers' }, el('h3', {}, el('label', { htmlFor: 'layers', textContent: 'Layers' })), el('p', {}, `${held[0].toUpperCase()}${held.slice(1)}. ${why}`), slider, output);
}

/** @param {any[]} metadata */
function metadataSection(metadata) {
  if (!metadata.length) return null;
  return el(
    'section',
    { className: 'metadata' },
    el('h3', { textContent: 'Besides the picture' }),
    ...metadata.map(({ title, bytes, lines, text, picture }) =>
      el(
        'details',
        { open: (text ?? '').length < 200 },
        el('summary', {}, title, el('span', { className: 'quiet', textContent: ` ${plural(bytes, 'byte')}` })),
        lines && (lines.length ? definitions(lines) : el('p', { textContent: 'nothing that this page puts into words' })),
        text && el('p', { className: 'text', textContent: text }),
        picture && el('img', { src: URL.createObjectURL(new Blob([picture])), alt: 'the thumbnail in the file' }),
      ),
    ),
  );
}
