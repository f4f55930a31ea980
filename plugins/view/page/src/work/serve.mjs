/**
 * The worker's half: it reads files and makes pictures, so that the page never waits.
 *
 *     to the worker                                 from it
 *     {do: 'want', id}                              {id, is: 'facts', facts}
 *     {do: 'open', id, bytes}                       {id, is: 'status', text, share}
 *     {do: 'show', id, segment}                     {id, is: 'picture', segment, kind, width, height, same,
 *                                                     pixels or bitmap, seconds}: same as the sender's, by extension 5; or null.
 *                                                     `on`: what ran the networks of stage 2
 *     {do: 'restore', id, segment}                  {id, is: 'body', segment, type, bytes}
 *                                                   {id, is: 'error', segment, error: {code, what}}
 *                                                   {id, is: 'done'}: after each of the three, whatever came of it
 *
 * One thing is done at a time, in order. Work for another file than the one wanted last is passed over.
 */

import { inspect } from './facts.mjs';
import { openEngine } from './engine.mjs';
import { openMaker } from './maker.mjs';

/** @param {import('./assets.mjs').Assets} assets */
export function serve(assets) {
  /** @type {Map<number, any>} */
  const files = new Map();
  const maker = openMaker(openEngine(assets), assets);
  let wanted = -1;
  let last = Promise.resolve();

  const tasks = {
    /** @param {any} message */
    async open({ id, bytes }) {
      const { file, facts } = inspect(bytes);
      files.set(id, file);
      post({ id, is: 'facts', facts });
    },
    /** @param {any} message */
    async show({ id, segment }) {
      await maker.show(files.get(id), segment, tell(id, segment));
    },
    /** @param {any} message */
    async restore({ id, segment }) {
      await maker.restore(files.get(id), segment, tell(id, segment));
    },
  };

  /** @param {number} id @param {number} segment */
  function tell(id, segment) {
    return {
      wanted: () => id === wanted,
      status: (/** @type {string} */ text, /** @type {number | undefined} */ share) => post({ id, is: 'status', text, share }),
      made: (/** @type {any} */ what) => post({ id, segment, ...what }, [what.pixels?.buffer, what.bitmap].filter(Boolean)),
    };
  }

  /** @param {any} message */
  async function work(message) {
    const { id, segment } = message;
    try {
      if (message.do === 'open' || id === wanted) await tasks[/** @type {'open'} */ (message.do)](message);
    } catch (error) {
      const { code, message: what, name } = /** @type {any} */ (error);
      const memory = name === 'RangeError' || /alloc|memory/i.test(what);
      post({ id, is: 'error', segment, error: { code: code ?? (memory ? 'too-large' : name), what } });
    }
    post({ id, is: 'done', segment, done: message.do });
  }

  self.addEventListener('message', ({ data }) => {
    if (data.do === 'want') wanted = data.id;
    else if (data.do) last = last.then(() => work(data));
  });
}

/** @param {any} message @param {Transferable[]} [owned] */
function post(message, owned = []) {
  /** @type {any} */ (self).postMessage(message, owned);
}
