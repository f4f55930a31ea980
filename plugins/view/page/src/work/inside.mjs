/** The worker of the page in one file, which may lie on a disk: the page hands it the parts that it asks for. */

import { RUNTIME, kept } from './assets.mjs';
import { serve } from './serve.mjs';

const get = kept(
  (name) =>
    new Promise((resolve, reject) => {
      self.addEventListener('message', function answer({ data }) {
        if (data.part !== name) return;
        self.removeEventListener('message', answer);
        if (data.bytes) resolve(data.bytes);
        else reject(Object.assign(new Error(`${name} is not inside this page`), { code: 'part-missing' }));
      });
      self.postMessage({ is: 'need', part: name });
    }),
);

serve({
  get,
  async runtime(wasm) {
    wasm.wasmBinary = await get(`${RUNTIME}.wasm`);
  },
  gpu: async () => null,
});
