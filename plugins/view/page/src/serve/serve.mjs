/** The page of `gcodec serve`: a picture or a file comes in, tries are made of it, each is looked at as in a report. */

import { el, plural, short, size } from '../dom.mjs';
import { sentence } from '../errors.mjs';
import { hearFiles } from '../intake.mjs';
import { chart, key } from '../report/curves.mjs';
import { insideOf } from '../report/inside.mjs';
import { makeStage } from '../report/stage.mjs';
import { makePanel } from '../panel.mjs';
import { commandsSection, named, resultsTable } from '../report/tables.mjs';
import { save } from '../saving.mjs';
import { inspect } from '../work/facts.mjs';
import { makeForm } from './form.mjs';
import { ask } from './job.mjs';

const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const status = /** @type {HTMLElement} */ (document.querySelector('#status'));
/** @type {() => void} */
let ready = () => {};
const loading = new Promise((resolve) => (ready = () => resolve(null)));
// Before anything is waited for: what is dropped on a page that does not listen, the browser opens in its place.
hearFiles((name, bytes) => loading.then(() => open(name, bytes)), say);

const choices = await (await fetch('choices.json')).json();
const { limits, metrics } = choices;

/** How every .gcx file begins. */
const SIGNATURE = [0xc7, 0x0d, 0x0a];

/** What is opened. @type {{name: string, bytes: Uint8Array, facts: any} | null} */
let source = null;
/** The original, null where a file was opened. @type {any} */
let picture = null;
/** Tries, the latest last. @type {any[]} */
let points = [];
/** The try that is looked at. @type {any} */
let now = null;
/** The job. @type {AbortController | null} */
let running = null;
/** How many sources were opened. */
let opened = 0;
/** What the server sent, by name. @type {Map<string, Uint8Array>} */
let parts = new Map();

function say(text = '', bad = false) {
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle('bad', bad);
}

const stage = makeStage(say);
const form = makeForm(choices, start, () => running?.abort());
const results = el('div', { className: 'panel' });
const charts = el('section', { className: 'below', hidden: true });
/** In the place of pictures, where there is none yet. */
const nothing = el('div', { className: 'instead' }, el('h2'), el('p'));
const article = el('article', {}, el('div', { className: 'looked-at' }, stage.element, nothing), el('div', { className: 'panel' }, form.element, results));

const megapixels = (/** @type {number} */ pixels) => `${short(pixels / 1e6)} megapixels`;
const memory = limits.memory ? ` and ${short(limits.memory / 2 ** 30)} GiB` : '';
/** @type {HTMLElement} */ (document.querySelector('#about')).textContent = `up to ${megapixels(limits.pixels)}, ${limits.seconds} s${memory} a job`;

/** @param {string} name @param {Uint8Array} bytes */
async function open(name, bytes) {
  if (bytes.length > limits.bytes) return say(`${name} has ${bytes.length} bytes, the server takes ${limits.bytes}: --max-pixels allows more`, true);
  const isFile = SIGNATURE.every((byte, i) => bytes[i] === byte) || /\.gcx$/i.test(name);
  let facts = null;
  try {
    facts = isFile ? inspect(bytes) : null;
  } catch (error) {
    const { name: code, rest } = sentence({ code: /** @type {any} */ (error).code, what: /** @type {Error} */ (error).message });
    return say(`${name}: ${code}: ${rest}`, true);
  }
  // What this browser shows as it is can be looked at before anything is done.
  const bitmap = isFile ? null : await createImageBitmap(new Blob([/** @type {any} */ (bytes)])).catch(() => null);
  const [width, height] = [bitmap?.width ?? facts?.width ?? 0, bitmap?.height ?? facts?.height ?? 0];
  bitmap?.close();
  if (width * height > limits.pixels) return say(`${name} has ${width} × ${height} pixels, the server takes ${megapixels(limits.pixels)}: --max-pixels allows more`, true);
  running?.abort();
  source = { name, bytes, facts };
  picture = bitmap ? { name, width, height, part: `opened ${++opened}`, bytes, type: '' } : null;
  [points, now, parts] = [[], null, new Map()];
  results.replaceChildren();
  charts.hidden = true;
  document.title = `${name} · gcodec serve`;
  main.replaceChildren(article, charts);
  if (isFile) form.forFile(facts.embedding);
  else form.forPicture(width * height);
  stage.element.hidden = !picture;
  nothing.hidden = Boolean(picture);
  nothing.firstChild.textContent = isFile ? 'Not decoded yet' : 'Not shown yet';
  nothing.lastChild.textContent = isFile ? 'Choose what makes the picture.' : 'This browser cannot read the picture. The server may: it is shown when it is encoded.';
  if (picture) stage.show({ picture, point: null, points: [], prefix: null });
  if (isFile) showFile(name, bytes);
  say(isFile ? `${name}: choose what decodes it` : `${name}${width ? `: ${width} × ${height}` : ''}`);
}

/**
 * Have the server do a task for what is opened.
 * @param {any} task @param {Uint8Array} bytes @param {(made: any) => void} done
 */
async function run(task, bytes, done) {
  if (running) return;
  const [of, controller] = [source, new AbortController()];
  running = controller;
  form.busy(true);
  try {
    await ask({ name: of?.name, ...task }, bytes, (said, data) => of === source && hear(said, data, done), controller.signal);
  } catch (error) {
    if (of === source) say(controller.signal.aborted ? 'Cancelled' : /** @type {Error} */ (error).message, !controller.signal.aborted);
  } finally {
    running = null;
    form.busy(false);
    // A file whose picture was not made stood in the place of the tries.
    if (of === source && now && !results.querySelector('.results')) choose(now);
  }
}

function start() {
  const [task, target] = [form.task(), form.target];
  run(task, /** @type {any} */ (source).bytes, (made) => {
    if (made.picture) picture = withBytes(made.picture);
    const point = { ...made.point, task, target, picture: 0, prefixes: [], decoded: withBytes(made.point.decoded), fidelity: made.point.fidelity && withBytes(made.point.fidelity) };
    points.push(point);
    choose(point);
    if (stage.element.getBoundingClientRect().bottom < 0) scrollTo({ top: 0 });
    const took = Object.entries(point.seconds).map(([what, seconds]) => `${what}d in ${short(seconds, 2)} s`);
    say(`${named(point)}: ${[size(point.bytes), `${short(point.bpp)} bits per pixel`, ...took, point.origin].join(', ')}`);
  });
}

/** A picture with its bytes: the server sends back nothing that came from here. @param {any} table */
const withBytes = (table) => ({ ...table, bytes: parts.get(table.part) ?? source?.bytes });

/** @param {any} said @param {Uint8Array} data @param {(made: any) => void} done what to do with what is made */
function hear(said, data, done) {
  if (said.is === 'progress') {
    say(`${said.what}…`);
    form.progress(said.done, said.total);
  } else if (said.is === 'part') parts.set(said.name, data);
  else if (said.is === 'file') showFile(said.name, /** @type {Uint8Array} */ (parts.get(said.part)));
  else if (said.is === 'made') done(said);
  else say(said.text, true);
}

/** What is known of a file while its picture is still made. @param {string} name @param {Uint8Array} bytes */
function showFile(name, bytes) {
  results.replaceChildren(...(bytes === source?.bytes ? [] : [saving([name, bytes, 'image/x-gcx'])]), makePanel(name, bytes, inspect(bytes), () => {}));
}

/** Look at a try. @param {any} point */
function choose(point) {
  const focused = document.activeElement?.closest('.results');
  now = point;
  /** @type {any} */
  let prefix = null;
  const look = () => stage.show({ picture, point, points, prefix });
  const bytes = parts.get(point.file.part) ?? /** @type {any} */ (source).bytes;
  const decode = el('button', { type: 'button', hidden: true });
  const { facts, inside } = insideOf(point, bytes, (next, end, whole) => {
    decode.hidden = whole || next?.end === end;
    decode.textContent = `Decode the first ${plural(end, 'byte')}`;
    decode.onclick = () => decodePrefix(point, bytes, end);
    prefix = next;
    look();
  });
  if (facts.progressive) inside.querySelector('.layers')?.append(decode);
  stage.element.hidden = false;
  nothing.hidden = true;
  look();
  const measured = metrics.filter((/** @type {any} */ { name }) => points.some(({ values }) => name in values));
  const table = resultsTable(points, measured, point, choose);
  const { decoded } = point;
  const files = [[point.file.name, bytes, 'image/x-gcx'], [decoded.name, decoded.bytes, 'image/png']];
  results.replaceChildren(saving(...files.slice(picture ? 0 : 1)), table, inside, commandsSection(picture, point, say));
  const figures = measured.map((/** @type {any} */ metric) => chart(metric, points, point)).filter(Boolean);
  charts.hidden = !figures.length;
  charts.replaceChildren(el('h2', { textContent: 'Rate and distortion' }), key(points), el('div', { className: 'charts' }, ...figures));
  if (focused) /** @type {HTMLElement | null} */ (table.querySelector('[aria-current=true]'))?.focus({ preventScroll: true });
}

/** Have a progressive file decoded as if no more had come. @param {any} point @param {Uint8Array} bytes @param {number} end */
function decodePrefix(point, bytes, end) {
  const { reconstructor, settings } = point.task;
  run({ reconstructor, settings, embedding: null, options: {}, target: {}, metrics: [] }, bytes.slice(0, end), ({ point: { decoded } }) => {
    point.prefixes = [...point.prefixes, { ...withBytes(decoded), end }].sort((a, b) => a.end - b.end);
    say(`The picture of the first ${plural(end, 'byte')}`);
    if (now !== point) return;
    const slider = /** @type {HTMLInputElement} */ (results.querySelector('#layers'));
    slider.dispatchEvent(new Event('input'));
  });
}

/** @param {any[]} files name, bytes and type of each that may be saved */
function saving(...files) {
  return el('div', { className: 'actions' }, ...files.map(([name, bytes, type]) => el('button', { type: 'button', textContent: `Save .${name.split('.').at(-1)}`, title: name, onclick: () => save(bytes, type, name) })));
}

ready();
