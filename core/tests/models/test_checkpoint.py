"""What a checkpoint that is none says: one line, and never torch's advice to run what is in the file."""

import os
import pickle

import pytest
import torch

from gcodec.errors import ModelDamaged
from gcodec.models.checkpoint import load_state


def _with_code(path):
    torch.save({"state_dict": {"weight": torch.zeros(2)}, "then": os.getcwd}, path)


def _cut(path):
    torch.save({"weight": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:300])


DAMAGES = {
    "code.pth": _with_code,
    "pickle.pt": lambda path: path.write_bytes(pickle.dumps({"a": 1})),
    "text.pth": lambda path: path.write_bytes(b"hello world"),
    "cut.pth.tar": _cut,
    "text.safetensors": lambda path: path.write_bytes(b"hello world"),
    "empty.pth": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged(name, tmp_path):
    path = tmp_path / name
    DAMAGES[name](path)
    with pytest.raises(ModelDamaged, match="not a checkpoint") as caught:
        load_state(path)
    text = str(caught.value)
    assert str(path) in text and "safetensors" in text and "\n" not in text
    assert "weights_only" not in text and "arbitrary code" not in text


def test_training_state(tmp_path):
    path = tmp_path / "whole.pth"
    torch.save({"state_dict": {"weight": torch.ones(3)}, "step": 7}, path)
    assert load_state(path)["weight"].tolist() == [1, 1, 1]
