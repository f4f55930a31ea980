/**
 * A job of the server: one frame is sent, frames come back. A frame is a table in JSON and bytes, with the lengths of both before
 * them, 4 bytes each, little endian. What is said in them: gcodec_view.serving.job, in Python.
 */

const HEAD = 8;

/**
 * @param {any} task what gcodec_view.serving.task reads, but for the bytes
 * @param {Uint8Array} source the picture or the file
 * @param {(table: any, data: Uint8Array) => void} hear
 * @param {AbortSignal} signal that ends it
 * @returns {Promise<void>} when the server has said "made" or "error"; rejects with a line where it could not
 */
export async function ask(task, source, hear, signal) {
  const table = new TextEncoder().encode(JSON.stringify(task));
  const lengths = new DataView(new ArrayBuffer(HEAD));
  lengths.setUint32(0, table.length, true);
  lengths.setUint32(4, source.length, true);
  const answer = await fetch('job', {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: new Blob([lengths, table, /** @type {any} */ (source)]),
    referrerPolicy: 'same-origin', // else some browsers do not say which page asks
    signal,
  }).catch((error) => {
    throw signal.aborted ? error : new Error('the server is not there: has it been ended?');
  });
  if (!answer.ok || !answer.body) throw new Error((await answer.text()).trim());
  for await (const [said, data] of frames(answer.body.getReader())) {
    hear(said, data);
    if (said.is === 'made' || said.is === 'error') return;
  }
  throw new Error('the server stopped in the middle of its answer');
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader @returns {AsyncGenerator<[any, Uint8Array]>} */
async function* frames(reader) {
  /** @type {Uint8Array[]} */
  let chunks = [];
  let held = 0;

  /** The next so many bytes; null where the stream ends before. @param {number} many */
  async function take(many) {
    while (held < many) {
      const { done, value } = await reader.read();
      if (done) return null;
      chunks.push(value);
      held += value.length;
    }
    const all = new Uint8Array(held);
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    chunks = [all.slice(many)];
    held -= many;
    return all.slice(0, many);
  }

  for (;;) {
    const head = await take(HEAD);
    if (!head) return;
    const lengths = new DataView(head.buffer);
    const table = await take(lengths.getUint32(0, true));
    const data = await take(lengths.getUint32(4, true));
    if (!table || !data) return;
    yield [JSON.parse(new TextDecoder().decode(table)), data];
  }
}
