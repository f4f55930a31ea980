/** The page's side of the worker: messages out, messages in, and the parts of the page where they are inside it. */

/**
 * @param {Worker} worker
 * @param {(message: any) => void} heard
 * @param {((name: string) => Promise<Uint8Array | null>) | null} inside parts of the page, where it is one file
 */
export function connect(worker, heard, inside) {
  worker.addEventListener('message', async ({ data }) => {
    if (data.is !== 'need') return heard(data);
    const bytes = (await inside?.(data.part)) ?? null;
    worker.postMessage({ part: data.part, bytes }, bytes ? [bytes.buffer] : []);
  });
  worker.addEventListener('error', (event) => {
    heard({ id: null, is: 'error', error: { code: 'worker-stopped', what: event.message || 'the decoder did not start' } });
  });
  return (/** @type {any} */ message) => worker.postMessage(message);
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
