/**
 * Builds the page: `npm ci && npm run build` (or `make page`), to ../src/gcodec_view/page.
 *
 *     index.html page.mjs page.css worker.mjs      the page and its worker
 *     ort-wasm-simd-threaded.{mjs,wasm}            onnxruntime for WebAssembly
 *     webgpu.mjs *.jspi.{mjs,wasm}                 and with WebGPU, which only browsers that have one fetch
 *     serve/{index.html,serve.mjs,serve.css}       the page of `gcodec serve`
 *     one-file/{page.js,worker.js}                 the two scripts in the form that a page in one file holds
 *     one-file/report.{html,js,css}                what `gcodec report` writes, which is always one file
 *
 * The models are not among it: `gcodec view` takes them from where gcodec-base is installed.
 */

import { copyFile, mkdir, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const out = new URL('../src/gcodec_view/page/', import.meta.url).pathname;
const runtime = new URL('node_modules/onnxruntime-web/dist/', import.meta.url).pathname;

const common = {
  absWorkingDir: import.meta.dirname ?? new URL('.', import.meta.url).pathname,
  bundle: true,
  alias: { 'gcodec-formats': '../../../formats/js/src/index.js' },
  minify: true,
  target: ['chrome109', 'firefox115', 'safari16.4'],
  legalComments: 'linked',
  logLevel: 'warning',
};
const served = { ...common, format: 'esm', conditions: ['onnxruntime-web-use-extern-wasm'], external: ['node:*'] };
// A script without an address of its own: it is inside the page.
const inside = { ...common, format: 'iife', define: { 'import.meta.url': 'self.location.href' } };

await rm(out, { recursive: true, force: true });
await mkdir(`${out}/one-file`, { recursive: true });
await build({ ...served, entryPoints: { page: 'src/main.mjs', worker: 'src/work/served.mjs', webgpu: 'src/work/webgpu.mjs' }, outdir: out, outExtension: { '.js': '.mjs' } });
await build({ ...inside, entryPoints: { page: 'src/main.mjs', worker: 'src/work/inside.mjs' }, outdir: `${out}/one-file` });
await build({ ...common, format: 'esm', entryPoints: ['src/report/report.mjs', 'src/report/report.css'], outdir: `${out}/one-file` });
await copyFile('src/report/report.html', `${out}/one-file/report.html`);
await build({ ...common, entryPoints: ['src/page.css'], outdir: out });
await build({ ...common, format: 'esm', entryPoints: ['src/serve/serve.mjs', 'src/serve/serve.css'], outdir: `${out}/serve`, outExtension: { '.js': '.mjs' } });
await copyFile('src/serve/index.html', `${out}/serve/index.html`);
await copyFile('src/index.html', `${out}/index.html`);
for (const part of ['', '.jspi']) {
  for (const kind of ['mjs', 'wasm']) await copyFile(`${runtime}/ort-wasm-simd-threaded${part}.${kind}`, `${out}/ort-wasm-simd-threaded${part}.${kind}`);
}
