/** The worker of the page on a server: its parts lie beside it. */

import { RUNTIME, kept } from './assets.mjs';
import { serve } from './serve.mjs';

const beside = (/** @type {string} */ name) => new URL(name, self.location.href).href;

async function fetched(/** @type {string} */ name) {
  const answer = await fetch(beside(name)).catch(() => null);
  if (!answer?.ok) {
    throw Object.assign(new Error(`${name} does not lie beside this page`), { code: 'part-missing' });
  }
  return new Uint8Array(await answer.arrayBuffer());
}

serve({
  get: kept(fetched),
  async runtime(wasm) {
    wasm.wasmPaths = { mjs: beside(`${RUNTIME}.mjs`), wasm: beside(`${RUNTIME}.wasm`) };
  },
  async gpu() {
    // The build with WebGPU suspends WebAssembly while the GPU works.
    if (!('gpu' in navigator) || !('Suspending' in WebAssembly)) return null;
    const adapter = await /** @type {any} */ (navigator).gpu.requestAdapter().catch(() => null);
    if (!adapter) return null;
    const { ort } = await import(beside('webgpu.mjs'));
    ort.env.wasm.wasmPaths = { mjs: beside(`${RUNTIME}.jspi.mjs`), wasm: beside(`${RUNTIME}.jspi.wasm`) };
    ort.env.wasm.numThreads = 1;
    return ort;
  },
});
