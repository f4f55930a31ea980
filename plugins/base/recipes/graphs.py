"""Makes the graphs beside the models of `base`: the networks as ONNX files whose weights are the models' own.

    python plugins/base/recipes/graphs.py           # writes them, and prints their digests
    python plugins/base/recipes/graphs.py --check   # makes them again and compares

Needs torch, onnx and the plugins whose networks these are. A graph holds no weight: its initializers are external data,
offsets into the model's own `diffusion_pytorch_model.safetensors`, with a cast behind what is stored in half precision.
A graph is not part of its model's digest; `gcodec_base.plugin` has a digest of each.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest import mock

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.models import Model, ModelStore
from gcodec_diffusers.folders import load_autoencoder
from gcodec_flow.network import load as load_flow
from gcodec_ntc.networks import Networks

OPSET = 17
WEIGHTS = "diffusion_pytorch_model.safetensors"
#: Constants of more bytes than this would be weights.
SMALL = 512


class Call(nn.Module):
    """A method of a network as a module, the tensors of the network under the names that its model file has."""

    def __init__(self, call: Callable[..., object], **inside: nn.Module | Tensor) -> None:
        super().__init__()
        self.call = call
        for name, value in inside.items():
            if isinstance(value, nn.Module):
                setattr(self, name, value)
            else:
                self.register_buffer(name, value)

    def forward(self, *inputs: Tensor) -> object:
        return self.call(self, *inputs)


@dataclass(frozen=True)
class Graph:
    """One graph: its file, how the module is made, and its inputs and outputs with their shapes.

    A letter or an expression in a shape is a length that the caller chooses.
    """

    file: str
    module: Callable[[Model], nn.Module]
    inputs: dict[str, tuple[int | str, ...]]
    outputs: dict[str, tuple[int | str, ...]]


def _analysis(model: Model) -> nn.Module:
    return Call(lambda self, x: self.analysis(x), analysis=ntc_networks(model).analysis)


def _encoder(model: Model) -> nn.Module:
    found = ntc_networks(model)
    return Call(type(found).encode, encoder=found.encoder, gain=found.gain)


def _synthesis(model: Model) -> nn.Module:
    return Call(lambda self, y, q: self.synthesis(y, q), synthesis=ntc_networks(model).synthesis)


def ntc_networks(model: Model) -> Networks:
    return Networks(model.config, model.tensors())


def _encode(model: Model) -> nn.Module:
    network, _ = load_autoencoder(model)
    inside = {"project": network.project, "scale": network.scale}

    def call(self: Call, x: Tensor) -> Tensor:
        return type(network).encode(self, x)  # type: ignore[arg-type]

    return Call(call, **inside)


def _decode(model: Model) -> nn.Module:
    network, _ = load_autoencoder(model)
    network.forward = network.decode  # type: ignore[method-assign]
    del network.project
    return network


_SYNTHESIS = {"y": (1, 320, "h", "w"), "q": (1,)}
_VELOCITY = {
    "x_t": (1, 3, "H", "W"),
    "y": (1, 3, "H", "W"),
    "t": (1,),
    "log_s": (1,),
}
_PICTURE = (1, 3, "H", "W")

GRAPHS: dict[str, tuple[Graph, ...]] = {
    "base/ntc": (
        Graph("analysis.onnx", _analysis, {"x": _PICTURE}, {"y": (1, 320, "h", "w")}),
        Graph(
            "encoder.onnx",
            _encoder,
            _SYNTHESIS,
            {"v": (1, 320, "h", "w"), "z": (1, 32, "hh", "hw")},
        ),
        Graph("synthesis.onnx", _synthesis, _SYNTHESIS, {"x": _PICTURE}),
    ),
    "base/bridge": (Graph("velocity.onnx", load_flow, _VELOCITY, {"v": _PICTURE}),),
    "base/flow": (Graph("velocity.onnx", load_flow, _VELOCITY, {"v": _PICTURE}),),
    "base/autoencoder": (
        Graph("encoder.onnx", _encode, {"x": _PICTURE}, {"z": (1, 32, "h", "w")}),
        Graph("decoder.onnx", _decode, {"z": (1, 32, "h", "w")}, {"x": _PICTURE}),
    ),
}

#: Lengths with which a network is traced.
_LENGTHS = {"H": 64, "W": 96, "h": 4, "w": 6}


def main() -> None:
    """Write or check all graphs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    store, other = ModelStore.installed(), 0
    for name, graphs in GRAPHS.items():
        model = store.find(name)
        for graph in graphs:
            data, path = made(graph, model), model.folder / graph.file
            same = path.is_file() and path.read_bytes() == data
            if not check:
                path.write_bytes(data)
                onnx.checker.check_model(str(path))
            other += not same
            digest = hashlib.sha256(data).hexdigest()
            print(f"{name} {graph.file} {len(data)} bytes {digest}{'' if same else ' NEW'}")
    if check and other:
        sys.exit(f"{other} graphs are not what this script makes")


def made(graph: Graph, model: Model) -> bytes:
    """The ONNX file of one graph."""
    stored = io.BytesIO()
    module = graph.module(model).eval()
    examples = tuple(_example(shape) for shape in graph.inputs.values())
    shapes = {**graph.inputs, **graph.outputs}
    with _exportable(), warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer warns of each length that it follows
        torch.onnx.export(
            module,
            examples,
            stored,
            dynamo=False,
            opset_version=OPSET,
            do_constant_folding=False,
            input_names=[*graph.inputs],
            output_names=[*graph.outputs],
            dynamic_axes={
                name: {axis: n for axis, n in enumerate(shape) if isinstance(n, str)}
                for name, shape in shapes.items()
            },
        )
    found = onnx.load_from_string(stored.getvalue())
    del found.metadata_props[:]
    found.doc_string = ""
    for node in found.graph.node:
        node.doc_string = ""
    _fold_casts(found)
    _point_at_weights(found, model)
    _name_shapes(found, shapes)
    return found.SerializeToString(deterministic=True)


def _example(shape: tuple[int | str, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand([_LENGTHS.get(str(n), n) for n in shape], generator=generator)  # type: ignore[misc]


@contextmanager
def _exportable() -> Iterator[None]:
    """What ONNX has no operator for, or none for every length, written with others."""

    def borders(x: Tensor, matrix: Tensor) -> Tensor:
        # One border more on each side, and no reshaping of what may be empty: a picture of one block has no inner border.
        n = len(matrix)
        rows = F.pad(x, (n // 2, n // 2)).reshape(*x.shape[:-1], -1, n) @ matrix.T
        inner = rows.flatten(-2)[..., n:-n]
        return torch.cat([x[..., : n // 2], inner, x[..., -n // 2 :]], -1)

    def norm(self: nn.Module, x: Tensor) -> Tensor:
        square = x.square().mean(1, keepdim=True)
        return x / (square + torch.finfo(torch.float32).eps).sqrt()

    def unshuffle(x: Tensor, n: int) -> Tensor:
        b, c, h, w = x.shape
        split = x.reshape(b, c, h // n, n, w // n, n).permute(0, 1, 3, 5, 2, 4)
        return split.reshape(b, c * n * n, h // n, w // n)

    with ExitStack() as stack:
        for target, replacement in (
            ("gcodec_ntc.transform._filter_borders", borders),
            ("gcodec_flow.network.ChannelNorm.forward", norm),
            ("torch.exp2", lambda x: torch.exp(x * math.log(2))),
            ("torch.nn.functional.pixel_unshuffle", unshuffle),
        ):
            stack.enter_context(mock.patch(target, replacement))
        yield


def _fold_casts(found: onnx.ModelProto) -> None:
    """Write constants in the type that they are cast to: onnxruntime-web with WebGPU has no cast from double."""
    graph = found.graph
    constants = {node.output[0]: node for node in graph.node if node.op_type == "Constant"}
    uses = Counter(name for node in graph.node for name in node.input)
    for cast in [node for node in graph.node if node.op_type == "Cast"]:
        constant = constants.get(cast.input[0])
        if constant is None or uses[cast.input[0]] != 1:
            continue
        value = onnx.numpy_helper.to_array(constant.attribute[0].t)
        wanted = onnx.helper.tensor_dtype_to_np_dtype(cast.attribute[0].i)
        constant.attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(value.astype(wanted)))
        constant.output[0] = cast.output[0]
        graph.node.remove(cast)


def _point_at_weights(found: onnx.ModelProto, model: Model) -> None:
    """Turn the initializers into external data in the model's own file."""
    with (model.folder / WEIGHTS).open("rb") as file:
        head = int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(head))
    tensors = model.tensors()
    graph, casts = found.graph, []
    for initializer in graph.initializer:
        name, value = initializer.name, onnx.numpy_helper.to_array(initializer)
        if name not in entries:
            if value.nbytes > SMALL:
                raise SystemExit(f"{model.name}: {name} is no tensor of the model")
            continue
        kept = tensors[name]
        if not np.array_equal(kept.astype(value.dtype), value):
            raise SystemExit(f"{model.name}: {name} is not what the model holds")
        begin, end = entries[name]["data_offsets"]
        initializer.Clear()
        initializer.name = name
        initializer.dims.extend(kept.shape)
        initializer.data_type = onnx.helper.np_dtype_to_tensor_dtype(kept.dtype)
        initializer.data_location = onnx.TensorProto.EXTERNAL
        place = {"location": WEIGHTS, "offset": 8 + head + begin, "length": end - begin}
        for key, entry in place.items():
            initializer.external_data.add(key=key, value=str(entry))
        if kept.dtype != value.dtype:
            initializer.name = f"{name}.stored"
            wanted = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
            casts.append(onnx.helper.make_node("Cast", [initializer.name], [name], to=wanted))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _name_shapes(found: onnx.ModelProto, shapes: dict[str, tuple[int | str, ...]]) -> None:
    """Say what the shapes of inputs and outputs are, and of nothing between."""
    del found.graph.value_info[:]
    for value in (*found.graph.input, *found.graph.output):
        declared = value.type.tensor_type.shape
        declared.Clear()
        for n in shapes[value.name]:
            declared.dim.add(**{"dim_param" if isinstance(n, str) else "dim_value": n})


if __name__ == "__main__":
    main()
