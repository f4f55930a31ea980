/** The page: files come in, workers make pictures of them, one is shown at a time. */

import { connect, partInside } from './client.mjs';
import { makeArticle } from './article.mjs';
import { el } from './dom.mjs';
import { takeFiles } from './intake.mjs';

/** @typedef {{id: number, name: string, article: ReturnType<typeof makeArticle>, tab: HTMLElement}} Entry */

const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const files = /** @type {HTMLElement} */ (document.querySelector('#files'));
const status = /** @type {HTMLElement} */ (document.querySelector('#status'));

/** @type {Map<number, Entry>} */
const opened = new Map();
let shown = -1;

/** Say what goes on, or what came of it. */
function say(text = '', bad = false, seen = false) {
  status.textContent = text;
  status.classList.toggle('bad', bad);
  status.classList.toggle('seen', seen);
}

/** Address of the worker's script where it lies inside the page; null where it lies beside it. */
const inside = partInside('worker.js').then((code) => code && URL.createObjectURL(new Blob([/** @type {any} */ (code)], { type: 'text/javascript' })));

async function makeWorker() {
  const address = await inside;
  return address ? new Worker(address) : new Worker(new URL('worker.mjs', document.baseURI), { type: 'module' });
}

/** What a file says is read beside the decoder, so that no picture, however long it takes, is waited for. */
const reader = connect(makeWorker, hear, partInside);
const decoder = connect(makeWorker, hear, partInside);

/** @param {any} message */
function hear(message) {
  if (message.id === null) return say(`The decoder stopped: ${message.error.what}`, true);
  const entry = opened.get(message.id);
  if (!entry) return;
  const line = entry.article.hear(message);
  if (line && message.id === shown) say(line.text, line.bad, line.seen);
}

/** @param {string} name @param {Uint8Array} bytes */
function open(name, bytes) {
  const id = opened.size;
  const article = makeArticle(id, name, bytes, (message) => decoder.ask({ id, bytes, ...message }));
  const tab = el('button', { type: 'button', textContent: name, onclick: () => select(id) });
  opened.set(id, { id, name, article, tab });
  files.append(tab);
  files.hidden = opened.size < 2;
  select(id);
  reader.ask({ id, do: 'open', bytes });
}

/** @param {number} id */
function select(id) {
  shown = id;
  for (const entry of opened.values()) entry.tab.setAttribute('aria-current', String(entry.id === id));
  const entry = /** @type {Entry} */ (opened.get(id));
  document.title = `${entry.name} · GCX`;
  main.replaceChildren(entry.article.element);
  const { line } = entry.article;
  say(line.text, line.bad, line.seen);
  decoder.endOthers(id);
  entry.article.resume();
}

takeFiles(open, say);
