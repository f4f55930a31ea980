/** One opened file: its picture with what turns it, and its panel. Hears what the worker says of it. */

import { el, short } from './dom.mjs';
import { sentence } from './errors.mjs';
import { makePanel, needs } from './panel.mjs';
import { asPng, save as saveAs } from './saving.mjs';
import { makeViewer } from './viewer.mjs';

/** Stage 2 starts by itself up to so many pixels; beyond, when it is asked for. */
const AT_ONCE = 4e6;

const KINDS = { preview: 'Preview', compare: 'Compare', bridge: 'Bridge' };
const MEANING = {
  preview: 'What the file says, with least error.',
  compare: 'Left of the line the preview, right of it the bridge.',
  bridge: 'With detail that fits the file: it is invented, not measured.',
};

const said = (/** @type {string} */ text) => ({ text, bad: false, seen: false });

/**
 * @param {number} id @param {string} name @param {Uint8Array} bytes @param {(message: any) => void} ask
 */
export function makeArticle(id, name, bytes, ask) {
  const viewer = makeViewer(name);
  const place = el('div', { className: 'place' }, viewer.frame);
  const controls = el('div', { className: 'controls', hidden: true });
  const element = el('article', {}, el('div', { className: 'seen' }, place, controls));
  /** Canvases by segment and kind. @type {Map<number, {preview?: HTMLCanvasElement, bridge?: HTMLCanvasElement}>} */
  const pictures = new Map();
  /** @type {Map<number, {type: string, bytes: Uint8Array}>} */
  const bodies = new Map();
  /** @type {Set<string>} what the worker was asked for and has not done */
  const asked = new Set();
  /** @type {any} */
  let facts = null;
  let segment = -1;
  let mode = /** @type {keyof typeof KINDS} */ ('preview');
  /** What to say; `seen`: it stands in the picture's place too. */
  let line = said(`Reading ${name}`);

  function request(/** @type {string} */ task, /** @type {number} */ which) {
    if (asked.has(`${task} ${which}`)) return;
    asked.add(`${task} ${which}`);
    ask({ do: task, segment: which });
  }

  /** Layers of the file that this page can show, base first. */
  const visible = () => facts.layers.filter((/** @type {any} */ layer) => layer.shown !== 'elsewhere');

  /** The last layer within a prefix that can be shown. @param {number} taken layers */
  function choose(taken) {
    const known = visible().filter((/** @type {any} */ layer) => facts.layers.indexOf(layer) < taken);
    const next = known.at(-1)?.segment ?? -1;
    if (next === segment) return;
    segment = next;
    resume();
    draw();
  }

  /** Ask for what is not there yet, while this is the file that is looked at. */
  function resume() {
    if (segment < 0 || !element.isConnected) return;
    const here = pictures.get(segment);
    if (!here?.preview) request('show', segment);
    else if (!here.bridge && restorable() && facts.width * facts.height <= AT_ONCE) request('restore', segment);
  }

  const restorable = () => facts.layers.some((/** @type {any} */ layer) => layer.segment === segment && layer.shown === 'ntc');

  function draw() {
    const here = pictures.get(segment);
    controls.hidden = !here?.preview;
    if (!here?.preview) return;
    if (place.firstChild !== viewer.frame) place.replaceChildren(viewer.frame);
    const kind = here.bridge ? mode : 'preview';
    const both = kind === 'compare' && here.bridge;
    viewer.show(kind === 'bridge' ? here.bridge : here.preview, both || null, ['preview', 'bridge']);
    modes.hidden = !restorable();
    for (const input of modes.querySelectorAll('input')) {
      input.disabled = !here.bridge && input.value !== 'preview';
      input.checked = input.value === kind;
    }
    divider.hidden = !both;
    start.hidden = !restorable() || Boolean(here.bridge) || facts.width * facts.height <= AT_ONCE;
    meaning.textContent = restorable() ? MEANING[kind] : '';
    nameBody();
  }

  const modes = el('fieldset', { className: 'modes' }, el('legend', { textContent: 'Picture' }), ...Object.entries(KINDS).map(([value, word]) =>
    el('label', {}, el('input', { type: 'radio', name: `mode-${id}`, value, onchange() { mode = /** @type {any} */ (value); draw(); } }), el('span', { textContent: word }))));
  const divider = el('input', { type: 'range', min: '0', max: '100', value: '50', className: 'divider', 'aria-label': 'Line between preview and bridge', oninput: () => viewer.split(Number(divider.value) / 100) });
  viewer.onsplit = (share) => {
    divider.value = String(100 * share);
    viewer.split(share);
  };
  const zoomed = el('button', { type: 'button', title: 'Every pixel as it is', onclick: () => viewer.actual() });
  viewer.onzoom = (percent) => (zoomed.textContent = `${percent} %`);
  const start = el('button', { type: 'button', textContent: 'Add detail', onclick: () => request('restore', segment) });
  const save = el('button', { type: 'button', textContent: 'Save as .png', data: { save: 'png' }, onclick: saveSeen });
  const body = el('button', { type: 'button', hidden: true, data: { save: 'body' }, onclick: () => saveBytes(/** @type {any} */ (bodies.get(segment)).bytes, /** @type {any} */ (bodies.get(segment)).type) });
  const meaning = el('p', { className: 'meaning quiet' });
  controls.append(
    modes,
    start,
    el('div', { className: 'zoom', role: 'group', 'aria-label': 'Zoom' },
      el('button', { type: 'button', textContent: '−', 'aria-label': 'Zoom out', onclick: () => viewer.zoom(0.8) }),
      zoomed,
      el('button', { type: 'button', textContent: '+', 'aria-label': 'Zoom in', onclick: () => viewer.zoom(1.25) }),
      el('button', { type: 'button', textContent: 'Fit', onclick: () => viewer.fit() })),
    el('div', { className: 'saving' }, body, save),
    divider,
    meaning,
  );

  /** The button that saves the picture's own file, where there is one. */
  function nameBody() {
    body.hidden = !bodies.has(segment);
    body.textContent = `Save as .${bodies.get(segment)?.type.split('/')[1] ?? ''}`;
  }

  async function saveSeen() {
    const here = pictures.get(segment);
    const generated = Boolean(here?.bridge) && mode === 'bridge';
    const canvas = /** @type {HTMLCanvasElement} */ (generated ? here?.bridge : here?.preview);
    saveBytes(await asPng(canvas, generated), 'image/png', generated ? '.bridge' : '');
  }

  function saveBytes(/** @type {any} */ contents, /** @type {string} */ type, middle = '') {
    saveAs(contents, type, `${name.replace(/\.gcx$/i, '')}${middle}.${type.split('/')[1]}`);
  }

  /** Whether the symbols are those that the sender had, where the file says which those are. */
  function tellSymbols(/** @type {boolean} */ same) {
    const place = element.querySelector('dd[data-key=symbols_digest]');
    if (place) place.append(same ? ': the same as decoded here' : ': other symbols were decoded here');
  }

  /** In the picture's place, where there is none. @param {...(Node | string)} what */
  function instead(...what) {
    place.replaceChildren(el('div', { className: 'instead' }, ...what));
  }

  /** @param {any} message @returns {typeof line | null} what to say */
  function hear(message) {
    if (message.is === 'facts') {
      facts = message.facts;
      element.append(makePanel(name, bytes, facts, choose));
      choose(facts.layers.length);
      if (segment < 0) {
        const small = facts.metadata.find((/** @type {any} */ part) => part.picture);
        instead(...(small ? [el('img', { src: URL.createObjectURL(new Blob([small.picture])), alt: 'the thumbnail in the file' })] : []), ...needs(name, facts));
        line = said(`${name}: read`);
      }
    } else if (message.is === 'picture') {
      const canvas = el('canvas', { width: message.width, height: message.height, data: { kind: message.kind } });
      const context = canvas.getContext('2d');
      if (message.bitmap) context.drawImage(message.bitmap, 0, 0);
      else context.putImageData(new ImageData(message.pixels, message.width, message.height), 0, 0);
      pictures.set(message.segment, { ...pictures.get(message.segment), [message.kind]: canvas });
      if (message.same !== undefined && message.same !== null) tellSymbols(message.same);
      if (message.kind === 'bridge' && mode === 'preview') mode = 'bridge';
      line = said(`${restorable() ? KINDS[/** @type {'preview'} */ (message.kind)] : 'Shown'} after ${short(message.seconds, 2)} s${message.on ? `, by ${message.on}` : ''}`);
      draw();
      resume();
    } else if (message.is === 'body') {
      bodies.set(message.segment, { type: message.type, bytes: message.bytes });
    } else if (message.is === 'status') {
      line = said(message.share === undefined ? `${message.text}…` : `${message.text}, ${Math.round(100 * message.share)} %…`);
    } else if (message.is === 'done') {
      asked.delete(`${message.done} ${message.segment}`);
      return null;
    } else if (message.is === 'error') {
      const { name: code, rest } = sentence(message.error);
      const alone = !pictures.get(segment)?.preview;
      line = { text: `${code}: ${rest}`, bad: true, seen: alone };
      nameBody();
      if (alone) instead(el('h2', { textContent: facts ? 'The picture cannot be shown' : name }), el('p', { className: 'error' }, el('strong', { textContent: `${code}:` }), ` ${rest}`), bodies.has(segment) ? body : null);
    }
    return line;
  }

  return { element, hear, resume: () => facts && resume(), get line() { return line; } };
}
