/** Saving. What is saved says in its metadata, as `gcodec decode` has it, when a network invented detail in it. */

import { el } from './dom.mjs';
import { chunk } from './work/png.mjs';

/** Signature and IHDR of a PNG. */
const START = 33;

const PACKET = `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:gcodec="urn:x-gcodec:parameters/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia" gcodec:reconstructor="bridge"/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>`;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {boolean} generated whether a generative network made it
 * @returns {Promise<Blob>} a PNG
 */
export async function asPng(canvas, generated) {
  const made = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  const file = new Uint8Array(await /** @type {Blob} */ (made).arrayBuffer());
  if (!generated) return new Blob([file], { type: 'image/png' });
  const words = chunk('iTXt', new TextEncoder().encode(`XML:com.adobe.xmp\0\0\0\0\0${PACKET}`));
  return new Blob([file.subarray(0, START), words, file.subarray(START)], { type: 'image/png' });
}

/** @param {BlobPart} contents @param {string} type @param {string} name */
export function save(contents, type, name) {
  const url = URL.createObjectURL(new Blob([contents], { type }));
  el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
