/** What every byte of a file is for: a bar to scale, and a table whose rows open to the bytes themselves. */

import { count, el, percent, plural } from './dom.mjs';

/** @typedef {import('./work/facts.mjs').Row} Row */

const SHOWN = 14;
const HEX = 64;

/** Tables of hexadecimal so far: each has a name of its own. */
let dumps = 0;

/**
 * @param {Uint8Array} bytes @param {Row[]} rows
 * @returns {{section: HTMLElement, upTo(end: number): void}} `upTo` dims what lies behind a prefix of the file
 */
export function bytesSection(bytes, rows) {
  const joined = withChecksums(rows);
  // Neighbours of one kind have two shades in turn.
  const shades = joined.map((row, i) => `${row.kind}${joined.slice(0, i).filter(({ kind }) => kind === row.kind).length % 2 ? ' odd' : ''}`);
  const spans = joined.map((row, i) => el('span', { className: `part ${shades[i]}`, title: `${row.part}: ${plural(row.bytes, 'byte')}` }));
  spans.forEach((span, i) => (span.style.flexGrow = String(joined[i].bytes)));
  const kept = joined.reduce((sum, row) => sum + (['main', 'companion'].includes(row.kind) ? row.bytes : 0), 0);
  const bar = el('div', { className: 'bar', role: 'img', 'aria-label': `Of ${plural(bytes.length, 'byte')}, ${count(kept)} are layers of the picture.` }, ...spans);
  const body = el('tbody');
  const lines = joined.flatMap((row, i) => line(bytes, row, spans[i], shades[i]));
  body.append(...lines.slice(0, 2 * SHOWN));
  const more = joined.length > SHOWN && el('button', {
    type: 'button',
    className: 'link',
    textContent: `Show all ${count(joined.length)} parts`,
    onclick() {
      body.append(...lines.slice(2 * SHOWN));
      more.remove();
      lines[2 * SHOWN].querySelector('button').focus();
    },
  });
  const head = el('thead', {}, el('tr', {}, ...['Part', 'Bytes', 'Share'].map((word) => el('th', { scope: 'col', textContent: word }))));
  const section = el('section', { className: 'bytes' }, el('h3', { textContent: 'What every byte is for' }), bar, el('table', {}, head, body), more);
  return {
    section,
    upTo(end) {
      joined.forEach((row, i) => {
        const beyond = row.offset >= end;
        spans[i].classList.toggle('beyond', beyond);
        lines[2 * i].classList.toggle('beyond', beyond);
      });
    },
  };
}

/** A layer and the checksum behind it as one row, unless the file is so short that both can stand. @param {Row[]} rows */
function withChecksums(rows) {
  if (rows.length <= SHOWN) return rows;
  /** @type {Row[]} */
  const joined = [];
  for (const row of rows) {
    const before = joined.at(-1);
    if (row.kind === 'check' && before && before.kind !== 'head') {
      joined[joined.length - 1] = { ...before, bytes: before.bytes + row.bytes, says: `${before.says}; ${row.bytes} of them a checksum` };
    } else joined.push(row);
  }
  return joined;
}

/** Two rows of the table: the part, and its bytes, which a button opens. */
function line(/** @type {Uint8Array} */ bytes, /** @type {Row} */ row, /** @type {HTMLElement} */ span, /** @type {string} */ shade) {
  const dump = el('tr', { hidden: true, id: `bytes-${++dumps}` });
  const button = el('button', {
    type: 'button',
    'aria-expanded': 'false',
    'aria-controls': dump.id,
    onclick() {
      dump.hidden = !dump.hidden;
      button.setAttribute('aria-expanded', String(!dump.hidden));
      if (!dump.firstChild) dump.append(el('td', { colSpan: 3 }, hexDump(bytes, row)));
    },
  }, el('span', { className: `swatch ${shade}` }), row.part.replace(/^segment (?!table)/, ''));
  const lit = (/** @type {boolean} */ on) => () => span.classList.toggle('lit', on);
  const part = el(
    'tr',
    { onmouseenter: lit(true), onmouseleave: lit(false), onfocusin: lit(true), onfocusout: lit(false) },
    el('th', { scope: 'row' }, button, el('span', { className: 'says', textContent: row.says })),
    el('td', { textContent: count(row.bytes) }),
    el('td', { textContent: percent(row.bytes / bytes.length) }),
  );
  return [part, dump];
}

function hexDump(/** @type {Uint8Array} */ bytes, /** @type {Row} */ row) {
  const seen = bytes.subarray(row.offset, row.offset + Math.min(row.bytes, HEX));
  const text = Array.from(seen, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(' ');
  const rest = row.bytes - seen.length;
  return el('p', { className: 'hex' }, el('span', { className: 'quiet', textContent: `from byte ${count(row.offset)}` }), el('code', { textContent: text }), rest > 0 && el('span', { className: 'quiet', textContent: `and ${plural(rest, 'byte')} more` }));
}
