/** The report: which picture and which of its results is looked at, and what stands around it. */

import { partInside } from '../client.mjs';
import { el, plural } from '../dom.mjs';
import { chart, key } from './curves.mjs';
import { insideOf } from './inside.mjs';
import { makeStage } from './stage.mjs';
import { commandsSection, named, rated, resultsTable, wholeTable } from './tables.mjs';

const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const status = /** @type {HTMLElement} */ (document.querySelector('#status'));

function say(text = '', bad = false) {
  status.textContent = text;
  status.classList.toggle('bad', bad);
}

const { pictures, points, ...read } = JSON.parse(new TextDecoder().decode(/** @type {Uint8Array} */ (await partInside('report.json'))));
/** @type {any[]} what can be looked at */
const whole = points.filter((/** @type {any} */ point) => !point.error);
const metrics = read.metrics.filter((/** @type {any} */ { name }) => whole.some((point) => typeof (point.values[name] ?? null) !== 'object'));
const stage = makeStage(say);
const panel = el('div', { className: 'panel' });
const charts = el('section', { className: 'below' });
/** @type {any} */
let now = null;
let averaged = whole.length > 0 && pictures.length > 1 && whole.every((point) => point.target);

/** @param {any} point */
const siblings = (point) => points.filter((/** @type {any} */ other) => other.picture === point.picture);

/** @param {any} point */
async function choose(point) {
  const focused = document.activeElement?.closest('.results') ? named(point) : null;
  now = point;
  const picture = pictures[point.picture];
  /** @type {any} */
  let prefix = null;
  const look = () => stage.show({ picture, point, points: siblings(point).filter((/** @type {any} */ other) => !other.error && other.target === point.target), prefix });
  look();
  say(`${picture.name}: ${rated(point)}`);
  tabs.forEach((tab, i) => tab.setAttribute('aria-current', String(i === point.picture)));
  const results = resultsTable(siblings(point), metrics, point, choose);
  drawCharts();
  const bytes = await partInside(point.file.part);
  if (now !== point || !bytes) return;
  const { facts, inside } = insideOf(point, bytes, (next) => {
    if (next === prefix) return;
    prefix = next;
    look();
  });
  const slider = inside.querySelector('.layers');
  if (slider && facts.progressive) {
    const many = point.prefixes.length;
    slider.append(el('p', { className: 'quiet', textContent: many ? `Pictures after ${plural(many, 'prefix', 'prefixes')} are in this page; the slider shows the last that lies within it.` : 'gcodec report --prefixes 8 puts the pictures after some layers on this page.' }));
  }
  panel.replaceChildren(results, inside, commandsSection(picture, point, say));
  if (focused) /** @type {HTMLElement | null} */ (results.querySelector('[aria-current=true]'))?.focus({ preventScroll: true });
}

/** Means over the pictures, of every result that all pictures have. */
function means() {
  /** @type {Map<string, any[]>} */
  const groups = new Map();
  for (const point of whole) {
    const name = JSON.stringify([point.embedding, point.reconstructor, point.target]);
    groups.set(name, [...(groups.get(name) ?? []), point]);
  }
  const mean = (/** @type {any[]} */ values) => (values.every((value) => typeof value === 'number') ? values.reduce((a, b) => a + b, 0) / values.length : null);
  return [...groups.values()]
    .filter((group) => group.length === pictures.length)
    .map((group) => ({ ...group[0], bpp: mean(group.map((point) => point.bpp)), values: Object.fromEntries(metrics.map((/** @type {any} */ { name }) => [name, mean(group.map((point) => point.values[name] ?? null))])) }));
}

function drawCharts() {
  const drawn = averaged ? means() : siblings(now).filter((/** @type {any} */ point) => !point.error);
  const figures = metrics.map((/** @type {any} */ metric) => chart(metric, drawn, now)).filter(Boolean);
  charts.hidden = !figures.length && !averaged;
  const several = pictures.length > 1 && whole.every((point) => point.target);
  const choice = several && el('fieldset', { className: 'modes' }, el('legend', { textContent: 'Curves of' }), ...[true, false].map((all) =>
    el('label', {}, el('input', { type: 'radio', name: 'of', checked: averaged === all, onchange() { averaged = all; drawCharts(); charts.querySelector('input:checked').focus(); } }), el('span', { textContent: all ? `Mean of ${plural(pictures.length, 'picture')}` : 'This picture' }))));
  charts.replaceChildren(el('h2', { textContent: averaged ? 'Rate and distortion' : `Rate and distortion: ${pictures[now.picture].name}` }), ...(choice ? [choice] : []), key(drawn), el('div', { className: 'charts' }, ...figures));
}

const tabs = pictures.map((/** @type {any} */ picture, /** @type {number} */ i) => {
  const first = whole.find((point) => point.picture === i);
  // The same method as before, where this picture has it.
  const next = () => whole.find((point) => point.picture === i && named(point) === named(now) && point.target === now.target) ?? first;
  return el('button', { type: 'button', disabled: !first, onclick: () => choose(next()) }, el('img', { src: picture.thumbnail, alt: '' }), el('span', { textContent: picture.name }));
});
/** @type {HTMLElement} */ (document.querySelector('#files')).replaceChildren(...tabs);
/** @type {HTMLElement} */ (document.querySelector('#about')).textContent = `${plural(pictures.length, 'picture')}, ${plural(points.length, 'result')}`;
const table = wholeTable(pictures, points, metrics, (point) => {
  choose(point);
  scrollTo({ top: 0 });
});
main.replaceChildren(...(whole.length ? [el('article', {}, stage.element, panel), charts] : []), table);
performance.mark('listed');
if (whole.length) choose(whole[0]);
