/** The registered embeddings in words: what each sends, what the first bytes of its payload say, and what shows it. */

/**
 * @typedef {{sends: string, shown: 'ntc' | 'latent' | 'image' | 'elsewhere', needs?: string, recon?: string}} Method
 *   shown  by networks of this page (`ntc`, and those of an autoencoder), by the browser as an ordinary picture, or only by a
 *          receiver elsewhere
 *   needs  packages that such a receiver installs
 *   recon  reconstructor that it may take
 */

/** @type {Record<string, Method>} */
export const METHODS = {
  jpeg: { sends: 'a JPEG without its headers', shown: 'image' },
  webp: { sends: 'a WebP without its headers', shown: 'image' },
  avif: { sends: 'an AVIF without its headers', shown: 'image' },
  jxl: { sends: 'a JPEG XL without its headers', shown: 'image' },
  ntc: { sends: 'quantized coefficients under a learned entropy model', shown: 'ntc' },
  ldm_quant: { sends: 'an autoencoder’s latent, quantized', shown: 'latent' },
  rate_variable: { sends: 'what an autoencoder’s latent differs by from its expectation', shown: 'latent' },
  perco: elsewhere('tokens of a codebook, and a caption', 'gcodec-ldm gcodec-diffusion', 'perco'),
  tokens: elsewhere('tokens, coarse to fine; what is missing the receiver draws', 'gcodec-ldm gcodec-diffusers', 'preview'),
  text_sketch: elsewhere('a caption, a sketch of edges and a few colours', 'gcodec-text-sketch gcodec-diffusion', 'controlnet'),
  diffc: elsewhere('a noisy picture, step by step less noisy', 'gcodec-diffc gcodec-posterior', 'ode'),
  uqdm: elsewhere('a noisy picture, finer and finer quantized', 'gcodec-diffc gcodec-posterior', 'ode'),
  ddcm: elsewhere('a noisy picture whose noise is chosen from codebooks', 'gcodec-diffc gcodec-posterior', 'ode'),
  lossless: elsewhere('the very samples under a learned law', 'gcodec-lossless', 'preview'),
};

/** @param {string} sends @param {string} needs @param {string} recon @returns {Method} */
function elsewhere(sends, needs, recon) {
  return { sends, shown: 'elsewhere', needs, recon };
}

/** @type {Record<string, string[]>} forms of a body, by the low two bits of its flags */
const FORMS = {
  jpeg: ['whole file', 'annex K tables', 'own tables', 'progressive'],
  webp: ['whole file', 'stripped'],
  avif: ['whole file', 'stripped'],
  jxl: ['whole file', 'stripped', 'stripped, gray'],
};

/** What a payload's first bytes say. @param {string} name @param {Uint8Array} payload @param {{profile?: number | null}} identity */
export function describePayload(name, payload, { profile }) {
  const method = METHODS[name];
  if (!method) return 'a layer of the embedding';
  if (payload.length < 2 || (method.shown !== 'ntc' && method.shown !== 'image')) return method.sends;
  const error = payload[1] === 255 ? 'lossless' : `${payload[1] / 4} dB by the sender’s measure`;
  const level = profile !== 3 || payload[0] < 255 || payload.length < 3 ? `quality ${payload[0]} of 255` : `step ${payload[2]} beyond its networks`;
  const start = name === 'ntc' ? level : FORMS[name][payload[0] & 3];
  return `${method.sends} (${start}, ${error})`;
}
