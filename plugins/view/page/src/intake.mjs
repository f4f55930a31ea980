/** Every way in: drop, button, paste, `?src=`, and files that lie inside a one-file page. */

import { partInside } from './client.mjs';
import { sentence } from './errors.mjs';

/**
 * Files that are dropped, pasted or chosen.
 * @param {(name: string, bytes: Uint8Array) => void} open
 * @param {(text: string, bad?: boolean) => void} say
 */
export function hearFiles(open, say) {
  const chooser = /** @type {HTMLInputElement} */ (document.querySelector('#chooser'));

  /** @param {Iterable<File>} files */
  async function take(files) {
    for (const file of files) {
      try {
        open(file.name, new Uint8Array(await file.arrayBuffer()));
      } catch (error) {
        say(`${file.name} cannot be read: ${/** @type {Error} */ (error).message}`, true);
      }
    }
  }

  for (const button of document.querySelectorAll('#open, [data-open]')) button.addEventListener('click', () => chooser.click());
  chooser.addEventListener('change', async () => {
    await take([...(chooser.files ?? [])]);
    chooser.value = ''; // the same file may be chosen again
  });

  const holdsFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files');
  let depth = 0;
  const lit = (/** @type {number} */ change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle('dropping', depth > 0);
  };
  addEventListener('dragenter', (event) => holdsFiles(event) && lit(1));
  addEventListener('dragleave', (event) => holdsFiles(event) && lit(-1));
  addEventListener('dragover', (event) => holdsFiles(event) && event.preventDefault());
  addEventListener('drop', (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    lit(-depth);
    take([...(event.dataTransfer?.files ?? [])]);
  });
  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) take(files);
    else if (!(event.target instanceof HTMLInputElement)) say('There is no file to paste; copy one, or drop it here.', true);
  });
}

/**
 * @param {(name: string, bytes: Uint8Array) => void} open
 * @param {(text: string, bad?: boolean) => void} say
 */
export async function takeFiles(open, say) {
  hearFiles(open, say);
  for (const holder of document.querySelectorAll('script[data-picture]')) {
    const name = /** @type {HTMLElement} */ (holder).dataset.picture ?? '';
    const bytes = await partInside(/** @type {HTMLElement} */ (holder).dataset.part ?? '');
    if (bytes) open(name, bytes);
  }
  for (const source of new URLSearchParams(location.search).getAll('src')) {
    const name = decodeURIComponent(source.split('/').at(-1) ?? source);
    const answer = await fetch(new URL(source, document.baseURI)).catch(() => null);
    if (answer?.ok) open(name, new Uint8Array(await answer.arrayBuffer()));
    else {
      const { name: code, rest } = sentence({ code: 'no-file', what: `${source} cannot be fetched` });
      say(`${code}: ${rest}`, true);
    }
  }
}
