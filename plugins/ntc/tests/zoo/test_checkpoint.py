"""Checkpoints are read strictly, from files that are never executed."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from zoo_checkpoints import FAMILIES, save, sizes, state

from gcodec.errors import ModelDamaged, UnknownNetwork
from gcodec_ntc.zoo.checkpoint import Checkpoint, open_checkpoint, read_checkpoint

#: Tensors that say which family a checkpoint is of, and how wide.
DECIDING = (
    "g_a.0.weight",
    "g_a.0.conv1.weight",
    "g_a.6.weight",
    "g_a.1.beta",
    "h_s.4.weight",
    "context_prediction.weight",
)


def read(tensors: object) -> Checkpoint:
    return read_checkpoint(tensors, "test", "a test")


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_known_by_its_tensors(family: str, tmp_path: Path) -> None:
    found = open_checkpoint(save(tmp_path, family))
    assert {"N": found.n, "M": found.m} == sizes(family)
    assert found.which.name == family
    assert found.name == f"{family}-1"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_tensor_must_be_there_and_fit_and_none_may_be_over(family: str) -> None:
    whole = state(family)
    # The last two differ from others in names alone, and have many.
    some = list(whole.items())[:: 9 if family.startswith("cheng") else 1]
    for key, value in some:
        # Some say which family it is: without them it is another's, and refused for what that has or lacks.
        with pytest.raises((ModelDamaged, UnknownNetwork)) as caught:
            read({k: v for k, v in whole.items() if k != key})
        assert key in str(caught.value) or key in DECIDING
        longer = torch.cat([value, value[:1]]) if len(value) else value.new_ones(3)
        if key != "gaussian_conditional.scale_table":  # of any length
            with pytest.raises((ModelDamaged, UnknownNetwork)):
                read({**whole, key: longer})
        if value.is_floating_point() and value.numel():
            with pytest.raises(ModelDamaged, match=f"{key} holds"):
                read({**whole, key: torch.full_like(value, float("nan"))})
    with pytest.raises(ModelDamaged, match="no use for g_a\\.19\\.bias"):
        read({**whole, "g_a.19.bias": torch.ones(3)})


def test_what_was_updated_for_coding_is_read_too_and_must_fit() -> None:
    whole = state("mbt2018-mean")
    at = "gaussian_conditional."
    whole[f"{at}scale_table"] = torch.tensor([0.11, 0.2, 0.5, 4.0])
    whole[f"{at}_offset"] = whole[f"{at}_cdf_length"] = torch.ones(4, dtype=torch.int32)
    whole[f"{at}_quantized_cdf"] = torch.ones(4, 9, dtype=torch.int32)
    assert read(whole).tensors[f"{at}scale_table"].shape == (4,)
    with pytest.raises(ModelDamaged, match="_quantized_cdf"):
        read({**whole, f"{at}_quantized_cdf": torch.ones(3, 9, dtype=torch.int32)})


def test_older_names_and_training_states_mean_the_same() -> None:
    whole = state("bmshj2018-hyperprior")
    at = "entropy_bottleneck."
    parts = {"biases.": ("_biases.", "_bias"), "matrices.": ("_matrices.", "_matrix")}
    parts["factors."] = ("_factors.", "_factor")
    for which in (0, 1):
        older: dict[str, Tensor] = {}
        for key, value in whole.items():
            for new, old in parts.items():
                key = key.replace(at + new, at + old[which])
            older[f"module.{key}"] = value
        assert set(older).isdisjoint(whole)
        found = read({"state_dict": older, "epoch": 3}).tensors
        assert found.keys() == whole.keys()
        assert all(torch.equal(found[key], value) for key, value in whole.items())


@pytest.mark.parametrize("around", ["_orig_mod.{}", "module._orig_mod.{}", "_orig_mod.module.{}"])
def test_a_compiled_network_means_the_same(around: str) -> None:
    whole = state("bmshj2018-factorized")
    compiled = {around.format(key): value for key, value in whole.items()}
    part = {key.replace("g_a.", "g_a._orig_mod."): value for key, value in whole.items()}
    for other in (compiled, part):
        assert set(other) != set(whole)
        found = read(other).tensors
        assert found.keys() == whole.keys()
        assert all(torch.equal(found[key], value) for key, value in whole.items())


def test_other_families_are_refused_with_those_that_are_read() -> None:
    others = {**state("mbt2018-mean"), "Gain": torch.ones(3)}, {"conv1.weight": torch.ones(3, 3)}
    for other in others:
        with pytest.raises(UnknownNetwork) as caught:
            read(other)
        assert "mbt2018-mean" in str(caught.value) and "bmshj2018-factorized" in str(caught.value)


def test_a_name_that_ends_with_a_digest_is_held_to_it(tmp_path: Path) -> None:
    path = save(tmp_path, "bmshj2018-factorized")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    right = path.rename(tmp_path / f"bmshj2018-factorized-prior-3-{digest}.pth.tar")
    assert open_checkpoint(right).name == "bmshj2018-factorized-3"
    wrong = right.rename(tmp_path / "bmshj2018-factorized-prior-3-01234567.pth.tar")
    with pytest.raises(ModelDamaged, match="01234567"):
        open_checkpoint(wrong)


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    save_file(state("mbt2018-mean"), tmp_path / "mine.safetensors")
    assert open_checkpoint(tmp_path / "mine.safetensors").which.means


class Evil:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_nothing_in_a_file_is_executed(how: str, tmp_path: Path) -> None:
    evil, path = {"weight": Evil(tmp_path / "ran")}, tmp_path / "evil.pth.tar"
    if how == "torch":
        torch.save(evil, path)
    else:
        path.write_bytes(pickle.dumps(evil))
    with pytest.raises(ModelDamaged, match="evil"):
        open_checkpoint(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("data", [b"", b"\x80\x02", b"PK\x03\x04" + bytes(40), b"words" * 9])
@pytest.mark.parametrize("suffix", [".pth.tar", ".safetensors"])
def test_other_files_are_told_in_one_line(data: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"other{suffix}"
    path.write_bytes(data)
    with pytest.raises(ModelDamaged) as caught:
        open_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_values_that_are_no_tensors_are_refused() -> None:
    for other in ([1, 2], {"g_a.0.weight": 3}, torch.ones(3), {"state_dict": 4}):
        with pytest.raises(ModelDamaged, match="state dictionary"):
            read(other)
