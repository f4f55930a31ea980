/**
 * Networks on onnxruntime-web: WebAssembly always, WebGPU for stage 2 where the browser has one.
 *
 * One thread, unless the page is isolated from other origins (COOP and COEP), which is what shared memory asks for.
 */

import * as ort from 'onnxruntime-web/wasm';
import { MATMUL } from './matmul_graph.mjs';

/** @typedef {{run(inputs: Record<string, [ArrayLike<number>, number[]]>): Promise<Float32Array>, on: string}} Network on: what runs it */

/**
 * @param {import('./assets.mjs').Assets} assets
 */
export function openEngine(assets) {
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
  ort.env.logLevel = 'error';
  const ready = once(() => assets.runtime(ort.env.wasm));
  const product = once(async () => {
    await ready();
    return ort.InferenceSession.create(MATMUL, { executionProviders: ['wasm'] });
  });

  /**
   * a [m, k] times b [k, n] in float64: [m, n]. Exact while every sum stays below 2^53, whatever the order of summation.
   * @param {Float64Array} a @param {Float64Array} b @param {number} m @param {number} k @param {number} n
   * @returns {Promise<Float64Array>}
   */
  async function matmul(a, b, m, k, n) {
    const session = await product();
    const result = await session.run({
      a: new ort.Tensor('float64', a, [m, k]),
      b: new ort.Tensor('float64', b, [k, n]),
    });
    return /** @type {Float64Array} */ (result.c.data);
  }

  /** @type {Map<string, Promise<Network>>} */
  const networks = new Map();

  /**
   * The graph of a model, its weights the model's own file; opened once.
   * @param {string} model @param {string} graph
   * @param {boolean} [large] whether a GPU is worth asking for
   * @returns {Promise<Network>}
   */
  function network(model, graph, large = false) {
    const name = `${model}/${graph}`;
    if (!networks.has(name)) {
      const made = open(model, graph, large);
      made.catch(() => networks.delete(name)); // the next try may succeed
      networks.set(name, made);
    }
    return /** @type {Promise<Network>} */ (networks.get(name));
  }

  /** @param {string} model @param {string} graph @param {boolean} large @returns {Promise<Network>} */
  async function open(model, graph, large) {
    const [nodes, weights, gpu] = await Promise.all([
      assets.get(`models/${model}/${graph}`),
      assets.get(`models/${model}/${WEIGHTS}`),
      large ? assets.gpu() : null,
      ready(),
    ]);
    const externalData = [{ path: WEIGHTS, data: weights }];
    if (gpu) {
      try {
        return over(gpu, 'WebGPU', await gpu.InferenceSession.create(nodes, { externalData, executionProviders: ['webgpu', 'wasm'] }));
      } catch {
        // A driver that refuses is no reason to show less.
      }
    }
    return over(ort, 'WebAssembly', await ort.InferenceSession.create(nodes, { externalData, executionProviders: ['wasm'] }));
  }

  return { matmul, network };
}

/** The weights in a model's folder. */
export const WEIGHTS = 'diffusion_pytorch_model.safetensors';

/** @param {typeof ort} runtime @param {string} on @param {ort.InferenceSession} session @returns {Network} */
function over(runtime, on, session) {
  return {
    on,
    async run(inputs) {
      const feeds = Object.entries(inputs).map(([name, [data, shape]]) => [
        name,
        new runtime.Tensor('float32', data instanceof Float32Array ? data : new Float32Array(data), shape),
      ]);
      const made = await session.run(Object.fromEntries(feeds));
      return /** @type {Float32Array} */ (made[session.outputNames[0]].data);
    },
  };
}

/** @template T @param {() => Promise<T>} make @returns {() => Promise<T>} what is made once, when it is first asked for */
export function once(make) {
  /** @type {Promise<T> | undefined} */
  let made;
  return () => (made ??= make());
}
