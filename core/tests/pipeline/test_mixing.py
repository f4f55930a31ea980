"""Weights that are given to several are for those that take them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pytest

from gcodec.errors import ModelDamaged, UsageError
from gcodec.models import ModelStore
from gcodec.pipeline.mixing import takers
from gcodec.plugin import ReconstructorSpec


def among(named: Sequence[str], refusing: Sequence[str]) -> frozenset[str]:
    """Who takes the weights of reconstructors, of which some refuse them; those with "bare" in their names have none."""

    def opens(name: str) -> None:
        if name in refusing:
            raise ModelDamaged("acme/x", f"no weights of {name}")

    specs = {
        name: ReconstructorSpec(
            name, "for tests", "a:b", (("preview",),), model=None if "bare" in name else "acme/own"
        )
        for name in named
    }
    return takers("--recon-model", "acme/x", ModelStore(), specs, opens)


def test_whoever_can_be_set_up_with_them_takes_them_and_whoever_cannot_is_named() -> None:
    with pytest.warns(UserWarning, match="^b keeps its own weights: model acme/x: no weights of b"):
        assert among(["a", "b", "bare"], ["b"]) == {"a"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert among(["a", "bare"], []) == {"a"}


def test_where_nobody_takes_them_each_says_why() -> None:
    with pytest.raises(UsageError, match=r"none of those named: a: .*of a; b: .*of b$"):
        among(["a", "b", "bare"], ["a", "b"])
    with pytest.raises(UsageError, match=r"to choose for bare, bare-too$"):
        among(["bare", "bare-too"], [])
    with pytest.raises(ModelDamaged, match="no weights of a"):
        among(["a"], ["a"])
