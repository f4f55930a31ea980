/**
 * A worker's half: it reads files or makes pictures, so that the page never waits. The page has one for each.
 *
 *     to the worker                                 from it
 *     {do: 'open', id, bytes}                       {id, is: 'facts', facts}
 *     {do: 'show', id, bytes, segment}              {id, is: 'status', text, share}
 *     {do: 'restore', id, bytes, segment}           {id, is: 'picture', segment, kind, width, height, same,
 *                                                     pixels or bitmap, seconds}: same as the sender's, by extension 5; or null.
 *                                                     `on`: what ran the networks of stage 2
 *                                                   {id, is: 'body', segment, type, bytes}
 *                                                   {id, is: 'error', segment, error: {code, what}}
 *                                                   {id, is: 'done'}: after each of the three, whatever came of it
 *
 * One thing is done at a time, in order. To stop it the page ends the worker.
 */

import { inspect } from './facts.mjs';
import { openEngine } from './engine.mjs';
import { openMaker } from './maker.mjs';
import { read } from './reader.mjs';

/** @param {import('./assets.mjs').Assets} assets */
export function serve(assets) {
  /** @type {Map<number, any>} */
  const files = new Map();
  const maker = openMaker(openEngine(assets), assets);
  let last = Promise.resolve();

  /** The file, read once: stage 2 goes on with the one that stage 1 showed. @param {any} message */
  function fileOf({ id, bytes }) {
    if (!files.has(id)) files.set(id, read(bytes, { partial: true }));
    return files.get(id);
  }

  const tasks = {
    /** @param {any} message */
    async open({ id, bytes }) {
      post({ id, is: 'facts', facts: inspect(bytes) });
    },
    /** @param {any} message */
    async show(message) {
      await maker.show(fileOf(message), message.segment, tell(message));
    },
    /** @param {any} message */
    async restore(message) {
      await maker.restore(fileOf(message), message.segment, tell(message));
    },
  };

  /** @param {any} message */
  function tell({ id, segment }) {
    return {
      status: (/** @type {string} */ text, /** @type {number | undefined} */ share) => post({ id, is: 'status', text, share }),
      made: (/** @type {any} */ what) => post({ id, segment, ...what }, [what.pixels?.buffer, what.bitmap].filter(Boolean)),
    };
  }

  /** @param {any} message */
  async function work(message) {
    const { id, segment } = message;
    try {
      await tasks[/** @type {'open'} */ (message.do)](message);
    } catch (error) {
      const { code, message: what, name } = /** @type {any} */ (error);
      const memory = name === 'RangeError' || /alloc|memory/i.test(what);
      post({ id, is: 'error', segment, error: { code: code ?? (memory ? 'too-large' : name), what } });
    }
    post({ id, is: 'done', segment, done: message.do });
  }

  self.addEventListener('message', ({ data }) => {
    if (data.do) last = last.then(() => work(data));
  });
}

/** @param {any} message @param {Transferable[]} [owned] */
function post(message, owned = []) {
  /** @type {any} */ (self).postMessage(message, owned);
}
