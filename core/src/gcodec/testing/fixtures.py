"""The pytest plugin: assertion texts for the suite, and three fixtures.

pytest loads this module at every start wherever gcodec is installed, so it imports neither NumPy nor torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest

from gcodec.testing import HOMES

if TYPE_CHECKING:
    from gcodec.pictures import Picture

__all__ = ["gcodec_command", "gcodec_photograph", "gcodec_photographs"]

for _suite in ("_networks", "_signals", "_specs", *sorted(HOMES.values())):
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


@pytest.fixture(scope="session")
def gcodec_photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six pictures like photographs, 112 x 96 pixels, for trainings to learn from."""
    from gcodec.testing import pictures

    folder = tmp_path_factory.mktemp("photographs")
    pictures.write_photographs(folder, 6, 96, 112)
    return folder
