/**
 * Where the parts of the page come from: beside it on a server, or inside it in the one-file form.
 *
 * @typedef {{
 *   get(name: string): Promise<Uint8Array>,
 *   runtime(wasm: import('onnxruntime-web/wasm').Env.WebAssemblyFlags): Promise<void>,
 *   gpu(): Promise<any>,
 * }} Assets
 *   get      the bytes of a part
 *   runtime  tells onnxruntime where its WebAssembly is
 *   gpu      onnxruntime with WebGPU; null where there is none
 */

export const RUNTIME = 'ort-wasm-simd-threaded';

/** Each part is fetched once. @param {(name: string) => Promise<Uint8Array>} fetched */
export function kept(fetched) {
  /** @type {Map<string, Promise<Uint8Array>>} */
  const parts = new Map();
  return (/** @type {string} */ name) => {
    if (!parts.has(name)) {
      const part = fetched(name);
      part.catch(() => parts.delete(name)); // the next try may succeed
      parts.set(name, part);
    }
    return /** @type {Promise<Uint8Array>} */ (parts.get(name));
  };
}
