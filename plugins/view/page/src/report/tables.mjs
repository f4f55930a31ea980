/** Numbers of the report: the results of one picture, those of all, commands and digests to copy. */

import { count, el } from '../dom.mjs';

/** @param {any} metric @param {any} value null: it could not be had; text: infinite */
const number = (metric, value) => (typeof value === 'number' ? value.toFixed(Math.min(metric.decimals, value >= 10 ? 2 : 3)) : (value ?? '–'));

/** @param {any} point */
export const named = (point) => `${point.embedding} → ${point.reconstructor}`;

/** With its rate, where several may be seen. @param {any} point */
export const rated = (point) => `${named(point)}, ${point.bpp.toFixed(3)} bpp`;

/**
 * The results of one picture; a button each that shows it.
 * @param {any[]} points @param {any[]} metrics @param {any} now @param {(point: any) => void} choose
 */
export function resultsTable(points, metrics, now, choose) {
  const head = ['Result', 'bpp', ...metrics.map((metric) => metric.title)];
  return el(
    'section',
    { className: 'results' },
    el('h3', { textContent: 'Reconstructions' }),
    el(
      'table',
      {},
      el('thead', {}, el('tr', {}, ...head.map((word) => el('th', { scope: 'col', textContent: word })))),
      el('tbody', {}, ...points.map((point) => el(
        'tr',
        {},
        el('th', { scope: 'row' }, point.error
          ? named(point)
          : el('button', { type: 'button', 'aria-current': String(point === now), onclick: () => choose(point) }, el('img', { src: point.decoded.thumbnail, alt: '' }), el('span', {}, named(point)))),
        ...(point.error
          ? [el('td', { className: 'error', colSpan: 1 + metrics.length, textContent: 'failed' })]
          : [el('td', { textContent: point.bpp.toFixed(3) }), ...metrics.map((metric) => el('td', { textContent: number(metric, point.values[metric.name]) }))]),
      ))),
    ),
  );
}

/**
 * Every result of every picture.
 * @param {any[]} pictures @param {any[]} points @param {any[]} metrics @param {(point: any) => void} choose
 */
export function wholeTable(pictures, points, metrics, choose) {
  const targets = points.some((point) => point.target);
  const head = ['Picture', 'Embedding', 'Reconstructor', ...(targets ? ['Target'] : []), 'Bytes', 'bpp', ...metrics.map((metric) => metric.title), 'Encode s', 'Decode s'];
  const texts = 2 + Number(targets);
  const rows = points.map((point) => {
    const cells = [point.embedding, point.reconstructor, ...(targets ? [point.target] : [])];
    const numbers = point.error ? [] : [count(point.bytes), point.bpp.toFixed(4), ...metrics.map((metric) => number(metric, point.values[metric.name])), ...['encode', 'decode'].map((side) => point.seconds[side]?.toFixed(2) ?? '–')];
    const name = pictures[point.picture].name;
    return el(
      'tr',
      {},
      el('th', { scope: 'row' }, point.error ? name : el('button', { type: 'button', onclick: () => choose(point) }, name)),
      ...cells.map((text) => el('td', { className: 'words', textContent: text })),
      ...numbers.map((text) => el('td', { textContent: text })),
      point.error && el('td', { className: 'words error', colSpan: head.length - 1 - cells.length, textContent: point.error }),
    );
  });
  return el(
    'section',
    { className: 'below' },
    el('h2', { textContent: 'All results' }),
    el('div', { className: 'wide', tabIndex: 0, role: 'region', 'aria-label': 'All results' }, el(
      'table',
      {},
      el('thead', {}, el('tr', {}, ...head.map((word, i) => el('th', { scope: 'col', className: i <= texts ? 'words' : '', textContent: word })))),
      el('tbody', {}, ...rows),
    )),
  );
}

/** @param {any} picture null: there is no original @param {any} point @param {(text: string) => void} say */
export function commandsSection(picture, point, say) {
  const digests = [...(picture ? [[picture.sha256, picture.name]] : []), [point.file.sha256, point.file.name], [point.decoded.sha256, point.decoded.name]];
  return el(
    'section',
    { className: 'commands' },
    el('h3', { textContent: 'To make the same again' }),
    copied(point.commands.join('\n'), 'commands', say),
    el('h3', { textContent: 'SHA-256' }),
    copied(digests.map((pair) => pair.join('  ')).join('\n'), 'digests', say),
  );
}

/** Text with a button that copies it. @param {string} text @param {string} what @param {(text: string) => void} say */
function copied(text, what, say) {
  const code = el('code', { textContent: text });
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      say(`Copied: ${what}`);
    } catch {
      getSelection()?.selectAllChildren(code);
      say(`Selected: ${what}. Ctrl-C copies them.`);
    }
  }
  return el('div', { className: 'copied' }, el('pre', {}, code), el('button', { type: 'button', 'aria-label': `Copy the ${what}`, textContent: 'Copy', onclick: copy }));
}
