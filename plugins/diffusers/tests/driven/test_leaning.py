"""What the driver leans on in diffusers without being promised it: each failure says what a version has changed."""

from __future__ import annotations

import inspect
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from gcodec.models import _torchvision_cpu
from gcodec_diffusers.families import DRIVEN, Family

pytestmark = [
    pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed"),
    pytest.mark.filterwarnings("default"),
]


def version() -> str:
    import diffusers

    return f"diffusers {diffusers.__version__}"


def pipeline(family: Family) -> Any:
    _torchvision_cpu.install()
    module, _, name = family.pipeline.partition(":")
    found = getattr(import_module(module), name, None)
    assert found is not None, f"{version()} has {name} elsewhere than in {module}"
    return found


def said(function: Any) -> set[str]:
    return set(inspect.unwrap(function).__code__.co_names)


@pytest.mark.parametrize("family", DRIVEN, ids=lambda family: family.name)
def test_a_family_is_as_the_driver_takes_it_to_be(family: Family) -> None:
    cls = pipeline(family)
    call = inspect.unwrap(cls.__call__)
    assert call is not cls.__call__, (
        f"{version()}: {family.name}'s call switches gradients off otherwise"
    )
    parameters = inspect.signature(call).parameters
    missing = set(family.unguided) - set(parameters)
    assert family.name == "DiTPipeline" or not missing, (
        f"{version()}: {family.name} is not called with {missing}, which switch guidance off"
    )
    methods = [m for owner in cls.__mro__ for m in vars(owner).values() if inspect.isfunction(m)]
    assert any("randn_tensor" in said(method) for method in methods), (
        f"{version()}: {family.name} draws its noise otherwise than by randn_tensor"
    )
    components = inspect.signature(cls.__init__).parameters
    for part in (family.network, family.vae, "scheduler"):
        assert part in components, f"{version()}: {family.name} has no component {part}"
    names = said(cls.__call__)
    assert {"step", "decode"} <= names, f"{version()}: {family.name} steps or decodes elsewhere"
    assert family.name == "DiTPipeline" or "encode_prompt" in names, (
        f"{version()}: {family.name} encodes its prompt elsewhere"
    )


def test_the_base_classes_are_as_the_driver_takes_them_to_be() -> None:
    from diffusers import DiffusionPipeline, ModelMixin
    from diffusers.utils import logging

    assert hasattr(DiffusionPipeline, "set_progress_bar_config"), version()
    assert hasattr(ModelMixin, "_keep_in_fp32_modules"), (
        f"{version()} says elsewhere which modules stay in single precision"
    )
    for name in (
        "get_verbosity",
        "set_verbosity",
        "is_progress_bar_enabled",
        "disable_progress_bar",
    ):
        assert hasattr(logging, name), f"{version()} has no logging.{name}"
