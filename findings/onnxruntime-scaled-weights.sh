#!/usr/bin/env bash
# onnxruntime 1.32.0: a convolution of integers is no longer one of integers, if it is scaled behind.
#
# Expected: Conv of integers, held in float32 and with sums far below 2**24, is exact; Mul by 0.1
# behind it rounds once, and Floor gives the same on every machine and at every optimisation level.
# What happens: by default the constant of the Mul is multiplied into the weights ("ConvMulFusion"),
# which are then no integers, so each product and each sum rounds. Where the scaled sum is a whole
# number or near it, Floor goes the other way: one value in 25 here. With optimisation off, or with
# Div by 10 in the place of Mul by 0.1, all values are right.
# Why it matters: integer networks decide bits (tables of an entropy coder, contexts). A graph that
# is exact on paper, and where it was tested without optimisation, desynchronises the decoder.
# Powers of two are safe; so is to round before scaling.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==1.26.4'
"$dir/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
import numpy as np
import onnxruntime
from numpy.lib.stride_tricks import sliding_window_view
from onnx import TensorProto, helper, numpy_helper

print(*(f"{name} {version(name)} " for name in ("onnxruntime", "onnx", "numpy")))
rng = np.random.default_rng(0)
w = rng.integers(-500, 500, (16, 16, 3, 3)).astype(np.float32)
x = rng.integers(-8, 8, (1, 16, 64, 64)).astype(np.float32)
windows = sliding_window_view(np.pad(x.astype(np.int64), ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), (2, 3))
sums = np.einsum("bchwij,ocij->bohw", windows, w.astype(np.int64))
print("largest sum", np.abs(sums).max(), "of 2**24 =", 2**24)


def wrong(operator, constant, level):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["sums"], pads=[1, 1, 1, 1]),
        helper.make_node(operator, ["sums", "k"], ["scaled"]),
        helper.make_node("Floor", ["scaled"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]
    k = np.full((1, 16, 1, 1), constant, np.float32)
    constants = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(k, "k")]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    scaled = sums.astype(np.float32) * k if operator == "Mul" else sums.astype(np.float32) / k
    return float((session.run(None, {"x": x})[0] != np.floor(scaled)).mean())


Level = onnxruntime.GraphOptimizationLevel
seen = [
    wrong("Mul", 0.1, Level.ORT_ENABLE_ALL),  # the default
    wrong("Mul", 0.1, Level.ORT_DISABLE_ALL),
    wrong("Div", 10, Level.ORT_ENABLE_ALL),
    wrong("Mul", 0.125, Level.ORT_ENABLE_ALL),
]
for what, share in zip(("Mul by 0.1", "without optimisation", "Div by 10", "Mul by 1/8"), seen):
    print(f"{what:22}{100 * share:.2f} % of values wrong")
raise SystemExit(not (seen[0] > 0.01 and not any(seen[1:])) and "changed")
PYTHON
