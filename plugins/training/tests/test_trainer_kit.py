"""The suite for trainers: a sound one passes, and each defect is found by the test that is there for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import support

HERE = Path(__file__).resolve().parent
SUITES = HERE / "kit_trainer_suites.py"

#: Test -> words of the failure that it must report.
DEFECTS = {
    "TestForgetful::test_resuming": "depends on where the training was interrupted",
    "TestStuck::test_every_parameter_learns": "stayed as they were begun",
    "TestBroken::test_model": "is not finite",
    "TestNameless::test_model": "names no class",
    "TestTrusting::test_unknown_keys_are_refused": "DID NOT RAISE",
}


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the trainers are installed."""
    folder = tmp_path_factory.mktemp("kit")
    support.install(folder, "gcodec-kit", {}, points={"kit": "kit_trainer_plugin"})
    return folder


def test_every_defect_is_found(kit: Path, tmp_path: Path) -> None:
    """A suite that cannot fail proves nothing."""
    found = support.run_suites(kit, tmp_path, *(f"{SUITES}::{test}" for test in DEFECTS), here=HERE)
    assert found.keys() == DEFECTS.keys()
    missed = {test: said for test, said in found.items() if DEFECTS[test] not in said or not said}
    assert not missed


def test_a_sound_trainer_passes(kit: Path, tmp_path: Path) -> None:
    found = support.run_suites(kit, tmp_path, f"{SUITES}::TestSound", here=HERE)
    assert len(found) == 5
    assert not {test: said for test, said in found.items() if said}
