"""The pytest plugin: assertion texts for the suite, and two fixtures.

pytest loads this module at every start wherever gcodec is installed, so it imports neither NumPy nor torch.
"""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gcodec.images import Picture

__all__ = ["gcodec_command", "gcodec_photograph"]

for _suite in ("_signals", "_specs", "adapter", "embedding", "reconstructor"):
    pytest.register_assert_rewrite(f"gcodec.testing.{_suite}")


@pytest.fixture
def gcodec_command() -> Callable[..., CompletedProcess[str]]:
    """The command line in a fresh process: ``gcodec_command("info", path)`` returns what it printed and its status."""
    from gcodec.testing._processes import run_gcodec

    return run_gcodec


@pytest.fixture
def gcodec_photograph() -> Picture:
    """A picture like a photograph, 96 x 64 pixels, the same on every machine."""
    from gcodec.testing import pictures

    return pictures.as_picture(pictures.photograph(64, 96))
