/**
 * An ONNX file with one node, c = MatMul(a, b) in float64, written as protobuf: there is none to fetch.
 *
 * Field numbers are those of onnx.proto; 11 as the type of an element is DOUBLE.
 */

const text = new TextEncoder();

/** @param {number} field @param {number} value */
const number = (field, value) => [field << 3, value];

/** @param {number} field @param {number[] | string} contents below 128 bytes */
function message(field, contents) {
  const bytes = typeof contents === 'string' ? [...text.encode(contents)] : contents;
  return [(field << 3) | 2, bytes.length, ...bytes];
}

/** @param {number} field @param {string} name a tensor of float64 of any shape */
const tensor = (field, name) => message(field, [...message(1, name), ...message(2, message(1, number(1, 11)))]);

const node = [...message(1, 'a'), ...message(1, 'b'), ...message(2, 'c'), ...message(4, 'MatMul')];
const graph = [...message(1, node), ...message(2, 'product'), ...tensor(11, 'a'), ...tensor(11, 'b'), ...tensor(12, 'c')];

/** ModelProto: ir_version 8, the graph, operators of version 13. */
export const MATMUL = new Uint8Array([...number(1, 8), ...message(7, graph), ...message(8, number(2, 13))]);
