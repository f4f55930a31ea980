/** The page's side of a worker: messages out, messages in, and the parts of the page where they are inside it. */

/**
 * A worker, started when something is asked of it.
 * @param {() => Promise<Worker>} make
 * @param {(message: any) => void} heard
 * @param {(name: string) => Promise<Uint8Array | null>} inside parts of the page, where it is one file
 * @returns {{ask(message: any): void, endOthers(id: number): void}} `endOthers` ends work for another file than this one
 */
export function connect(make, heard, inside) {
  /** @type {Promise<Worker> | null} */
  let running = null;
  /** What was asked and is not done. @type {{id: number, do: string, segment?: number}[]} */
  let pending = [];

  function start() {
    /** @type {Promise<Worker>} */
    const starting = make().then((worker) => {
      worker.addEventListener('message', async ({ data }) => {
        if (starting !== running) return; // said before it was ended
        if (data.is === 'need') {
          const bytes = await inside(data.part);
          return worker.postMessage({ part: data.part, bytes }, bytes ? [bytes.buffer] : []);
        }
        if (data.is === 'done') pending = pending.filter((one) => one.id !== data.id || one.do !== data.done || one.segment !== data.segment);
        heard(data);
      });
      worker.addEventListener('error', (event) => {
        heard({ id: null, is: 'error', error: { code: 'worker-stopped', what: event.message || 'the decoder did not start' } });
      });
      return worker;
    });
    return starting;
  }

  return {
    ask(message) {
      const { id, do: task, segment } = message;
      pending.push({ id, do: task, segment });
      running ??= start();
      running.then((worker) => worker.postMessage(message));
    },
    endOthers(id) {
      if (pending.every((one) => one.id === id)) return;
      // A network that runs hears nothing: its worker has to go.
      running?.then((worker) => worker.terminate());
      const ended = pending;
      [running, pending] = [null, []];
      for (const one of ended) heard({ id: one.id, is: 'done', segment: one.segment, done: one.do });
    },
  };
}


/** A part that lies in this document, packed by gzip, in base64; null if there is none of that name. @param {string} name */
export async function partInside(name) {
  const holder = document.querySelector(`script[data-part="${CSS.escape(name)}"]`);
  if (!holder?.textContent) return null;
  const text = holder.textContent.trim();
  const packed = 'fromBase64' in Uint8Array ? /** @type {any} */ (Uint8Array).fromBase64(text) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
