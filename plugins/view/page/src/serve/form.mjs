/** What is chosen: stage 1 and a size, stage 2, their options, what is measured. */

import { el } from '../dom.mjs';
import { optionControls } from './options.mjs';

/** Unit -> its name, what it begins with, and its control's bounds. @type {Record<string, {title: string, value: string, min: string, max?: string}>} */
const UNITS = {
  bpp: { title: 'bits per pixel', value: '0.3', min: '0' },
  bytes: { title: 'bytes', value: '', min: '1' },
  quality: { title: 'quality, 0 to 1', value: '0.5', min: '0', max: '1' },
};

/** What is chosen to begin with, where it is installed: as `gcodec mix` has it. */
const [EMBEDDING, RECONSTRUCTOR] = ['ntc', 'flow'];

/**
 * @param {any} choices what the server offers (gcodec_view.serving.choices)
 * @param {() => void} onstart @param {() => void} oncancel
 */
export function makeForm(choices, onstart, oncancel) {
  /** @param {any[]} all @param {string} name */
  const named = (all, name) => all.find((one) => one.name === name);
  const held = Object.fromEntries(Object.entries(UNITS).map(([unit, { value }]) => [unit, value]));
  let unit = 'bpp';
  /** The embedding of the file that is opened, null: a picture is. @type {string | null} */
  let given = null;
  let sending = optionControls('', []);
  let receiving = optionControls('', []);

  const embedding = el('select', { id: 'embedding', 'aria-describedby': 'embedding-about', onchange: turnStage1 }, ...choices.embeddings.map((/** @type {any} */ { name }) => el('option', { value: name, textContent: name, selected: name === EMBEDDING })));
  const about1 = el('p', { id: 'embedding-about', className: 'quiet' });
  const options1 = el('div');
  const amount = el('input', { id: 'amount', type: 'number', step: 'any', required: true });
  const units = el('select', { 'aria-label': 'Unit of the size', onchange: turnUnit }, ...Object.entries(UNITS).map(([value, { title }]) => el('option', { value, textContent: title })));
  const stage1 = el(
    'fieldset',
    {},
    el('legend', { textContent: 'Stage 1: the file' }),
    el('div', { className: 'option' }, el('label', { htmlFor: 'embedding', textContent: 'Embedding' }), embedding, about1),
    el('div', { className: 'option' }, el('label', { htmlFor: 'amount', textContent: 'At most' }), el('div', { className: 'size' }, amount, units)),
    options1,
  );
  const reconstructor = el('select', { id: 'reconstructor', 'aria-describedby': 'reconstructor-about', onchange: turnStage2 });
  const about2 = el('p', { id: 'reconstructor-about', className: 'quiet' });
  const options2 = el('div');
  const stage2 = el(
    'fieldset',
    {},
    el('legend', { textContent: 'Stage 2: the picture' }),
    el('div', { className: 'option' }, el('label', { htmlFor: 'reconstructor', textContent: 'Reconstructor' }), reconstructor, about2),
    options2,
  );
  const measured = choices.metrics.map((/** @type {any} */ { name, title, summary }, /** @type {number} */ i) => el('label', { title: summary }, el('input', { type: 'checkbox', value: name, checked: i === 0 }), title));
  const measures = el('fieldset', { className: 'measures' }, el('legend', { textContent: 'Measure' }), ...measured);
  const start = el('button', { type: 'submit', className: 'main-button' });
  const cancel = el('button', { type: 'button', textContent: 'Cancel', hidden: true, onclick: oncancel });
  const progress = el('progress', { hidden: true, 'aria-label': 'Progress' });
  const element = el(
    'form',
    {
      className: 'form',
      'aria-label': 'How to code',
      onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        onstart();
      },
    },
    stage1,
    stage2,
    measures,
    el('div', { className: 'actions' }, start, cancel, progress),
  );

  const pairs = () => choices.pairs[given ?? embedding.value] ?? [];

  function turnStage1() {
    const spec = named(choices.embeddings, embedding.value);
    about1.textContent = spec.summary;
    sending = optionControls(spec.name, spec.options);
    options1.replaceChildren(...(sending.element ? [sending.element] : []));
    drawPairs();
  }

  /** Only what leads from stage 1 to a picture, the nearest first. */
  function drawPairs() {
    const before = reconstructor.value || RECONSTRUCTOR;
    const near = [...pairs()].sort((a, b) => a.cost - b.cost);
    reconstructor.replaceChildren(...near.map(({ name, cost }) => el('option', { value: name, textContent: cost ? `${name} (+ ${cost})` : name })));
    const kept = named(near, before) ?? named(near, RECONSTRUCTOR) ?? near[0];
    if (kept) reconstructor.value = kept.name;
    start.disabled = !kept;
    turnStage2();
  }

  function turnStage2() {
    const pair = named(pairs(), reconstructor.value);
    const spec = pair && named(choices.reconstructors, pair.name);
    about2.textContent = pair ? `${spec.summary}.${pair.cost ? ` On the way: ${pair.path.split(';')[0].replaceAll('->', '→')}; numbers are about the milliseconds for 768 × 512 pixels on one core.` : ''}` : `nothing that is installed here decodes ${given}`;
    receiving = spec ? optionControls(spec.name, spec.options) : optionControls('', []);
    options2.replaceChildren(...(receiving.element ? [receiving.element] : []));
  }

  function turnUnit() {
    held[unit] = amount.value;
    unit = units.value;
    drawUnit();
  }

  function drawUnit() {
    const { min, max } = UNITS[unit];
    amount.value = held[unit];
    amount.min = min;
    amount.max = max ?? '';
    amount.step = unit === 'bytes' ? '1' : 'any';
  }

  drawUnit();
  turnStage1();
  return {
    element,
    /** A picture is opened. @param {number} pixels 0: nobody knows yet */
    forPicture(pixels) {
      given = null;
      if (pixels) UNITS.bytes.value = held.bytes = String(Math.max(1, Math.floor((pixels * 0.3) / 8)));
      draw('Encode and decode');
    },
    /** A file is opened. @param {string} of its embedding */
    forFile(of) {
      given = of;
      draw('Decode');
    },
    /** @param {boolean} on a job is being done */
    busy(on) {
      for (const part of [stage1, stage2, measures, start]) part.disabled = on;
      cancel.hidden = progress.hidden = !on;
      progress.removeAttribute('value');
      if (!on) start.disabled = !reconstructor.value;
      /** @type {HTMLElement} */ (on ? cancel : start).focus({ preventScroll: true });
    },
    /** @param {number} done @param {number} total 0: nobody knows */
    progress(done, total) {
      if (total > 1) [progress.max, progress.value] = [total, done];
      else progress.removeAttribute('value');
    },
    /** The task, without the source. */
    task() {
      const receives = { reconstructor: reconstructor.value, settings: receiving.values() };
      if (given !== null) return { embedding: null, options: {}, target: {}, metrics: [], ...receives };
      const metrics = measured.map((/** @type {HTMLElement} */ label) => label.querySelector('input')).filter((/** @type {any} */ box) => box.checked).map((/** @type {any} */ box) => box.value);
      return { embedding: embedding.value, options: sending.values(), target: { [unit]: amount.valueAsNumber }, metrics, ...receives };
    },
    /** What the target is called. */
    get target() {
      return given === null ? `${amount.value} ${unit}` : '';
    },
  };

  /** @param {string} word */
  function draw(word) {
    stage1.hidden = measures.hidden = given !== null;
    start.textContent = word;
    drawUnit();
    drawPairs();
  }
}
