/** onnxruntime with WebGPU, a file of its own: only browsers that have a GPU fetch it. */
export * as ort from 'onnxruntime-web/jspi';
