"""Begin a training where another ended: rebuild the network of an exported model, grow it to a recipe's sizes.

Growth keeps the function, as Net2Net's does (Chen, Goodfellow and Shlens, ICLR 2016): a new channel takes random
weights inward and zero weights outward, a new residual layer is zero.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from gcodec.entropy.twin import entropy_config, entropy_state
from gcodec_ntc.model import Model, Sizes
from gcodec_ntc.transform import Blocks, TransformConfig
from gcodec_train import WEIGHTS


def rebuilt(folder: Path) -> Model:
    """The network that `gcodec_ntc.export` wrote to `folder`, up to the rounding of its weights.

    Raises KeyError, TypeError or RuntimeError if the folder holds another architecture.
    """
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / WEIGHTS)
    model = Model(Sizes(TransformConfig(**config["transform"]), entropy_config(config["entropy"])))
    state = {
        name.replace("encoder.", "entropy."): torch.from_numpy(value.copy())
        for name, value in tensors.items()
        if not name.startswith(("integer.", "tables."))
    }
    entropy = entropy_state(model.entropy, tensors)
    model.load_state_dict(state | {f"entropy.{name}": value for name, value in entropy.items()})
    return model


@torch.no_grad()
def grow(small: Model, model: Model) -> None:
    """Give `model`, freshly made, the weights of `small`, whose function it then has.

    Raises ValueError if a tensor would have to shrink.
    """
    for blocks in model.modules():
        if isinstance(blocks, Blocks):
            for parameter in blocks.parameters():
                parameter.zero_()
    given = small.state_dict()
    for name, value in model.state_dict().items():
        old = given.get(name)
        if old is None:
            continue  # of a new residual layer
        if any(now < then for now, then in zip(value.shape, old.shape, strict=True)):
            raise ValueError(f"{name}: {tuple(old.shape)} does not fit in {tuple(value.shape)}")
        if value.ndim == 4:
            value[: old.shape[0], old.shape[1] :] = 0  # from new inputs to old outputs
        elif value.shape != old.shape:
            value.zero_()  # biases of new outputs
        value[tuple(slice(size) for size in old.shape)] = old
