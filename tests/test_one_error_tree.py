"""Whatever gcodec or a plugin raises on purpose is a `GcodecError`: one clause catches it."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import gcodec
import gcodec_formats as gcx
from gcodec.entropy import captions, fit_frequencies
from gcodec.errors import GcodecError
from gcodec.randomness import Domain, Randomness
from gcodec.signals import pack_mse

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("**/src/*/__init__.py"))


def modules(package: str) -> Iterator[str]:
    yield package
    spec = find_spec(package)
    assert spec is not None, package
    for found in pkgutil.walk_packages(spec.submodule_search_locations, f"{package}."):
        # A script runs when it is imported; templates are no modules.
        if not found.name.endswith("__main__") and ".templates" not in found.name:
            yield found.name


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exception_that_a_package_defines_is_in_the_tree(package: str) -> None:
    for name in modules(package):
        for thing in vars(import_module(name)).values():
            if inspect.isclass(thing) and issubclass(thing, BaseException):
                ours = thing.__module__.partition(".")[0] in PACKAGES
                assert not ours or issubclass(thing, GcodecError), f"{name}: {thing}"


def test_the_packages_are_those_of_the_repository() -> None:
    assert {"gcodec", "gcodec_formats", "gcodec_eval", "gcodec_train", "gcodec_ntc"} <= {*PACKAGES}


PICTURE = gcodec.Picture(np.zeros((3, 8, 8), np.float32))
WRONG: dict[str, Callable[[], object]] = {
    "no GCX file": lambda: gcodec.decode(b"GIF89a"),
    "no pixel": lambda: gcx.write(gcx.File(gcx.Header(gcx.Identity(id=2), gcx.Size(0, 1)), [])),
    "number and name": lambda: gcx.Identity(id=2, name="a/b", profile=1),
    "alpha of 9 bits": lambda: gcx.pack_alpha(b"", gcx.Size(1, 1), 9),
    "negative seed": lambda: gcodec.encode(PICTURE, "webp", run=gcodec.Run(seed=-1)),
    "row of 2^32": lambda: Randomness(0).normal(Domain.DECODER_NOISE, 2**32, 0, 1),
    "negative weights": lambda: fit_frequencies([-1.0, 2.0]),
    "long caption": lambda: captions.pack("a" * 5000),
    "infinite error": lambda: pack_mse(float("inf")),
}


@pytest.mark.parametrize("door", WRONG.values(), ids=WRONG)
def test_what_a_public_door_refuses_is_in_the_tree(door: Callable[[], object]) -> None:
    with pytest.raises(GcodecError) as caught:
        door()
    assert "\n" not in str(caught.value)
