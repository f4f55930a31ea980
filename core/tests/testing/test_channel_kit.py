"""The suite for channel simulators: a sound one passes, and each defect is found by the test that is there for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import support

SUITES = support.HERE / "kit_channel_suites.py"

#: Test -> words of the failure that it must report.
DEFECTS = {
    "TestNowhere::test_spec": "no installed channel is called 'kit/nowhere'",
    "TestColon::test_spec": "has a value with a colon",
    "TestPinned::test_spec": "KeyError",
    "TestBiased::test_a_sample_of_the_target": "E A is 1.07",
    "TestGreedy::test_a_sample_of_the_target": "|m|",
    "TestGreedy::test_what_the_bits_convey": "stated (0.72, 0.82)",
    "TestTimid::test_what_the_bits_convey": "E A is",
    "TestQuiet::test_across_the_target_the_sample_is_noise": "the variance is 0.2",
    "TestLeaning::test_across_the_target_the_sample_is_noise": "the mean across m",
    "TestSpiky::test_elements_are_normal": "the elements' ",
    "TestWasteful::test_bits": "112.0 bits for a KL of 80, stated 81",
    "TestUnfixed::test_bits": "fixed are 10",
    "TestGlobal::test_is_a_function": "two messages",
    "TestTidy::test_is_a_function": "draws from a global generator",
    "TestScribbling::test_is_a_function": "wrote into what it was given",
    "TestDeaf::test_is_a_function": "another seed, or another step, has the same sample",
    "TestCheating::test_fresh_process": "other samples",
    "TestHashing::test_fresh_process": "other samples",
    "TestTrusting::test_bits_that_no_sender_makes": "DID NOT RAISE",
    "TestCareless::test_bits_that_no_sender_makes": "IndexError",
    "TestUnshaped::test_what_it_cannot_send": "DID NOT RAISE",
    "TestAbsolute::test_the_reference_shifts_and_scales": "the sample is not mean + s z",
    "TestDouble::test_the_reference_shifts_and_scales": "the sample is float64",
}


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the channels are installed."""
    folder = tmp_path_factory.mktemp("kit")
    support.install(folder, "gcodec-kit-channels", {}, points={"channels": "kit_channel_plugin"})
    return folder


def test_every_defect_is_found(kit: Path, tmp_path: Path) -> None:
    found = support.run_suites(kit, tmp_path, *(f"{SUITES}::{test}" for test in DEFECTS))
    assert found.keys() == DEFECTS.keys()
    missed = [test for test, said in found.items() if DEFECTS[test] not in said or not said]
    assert not missed, "\n".join(f"{test}: {found[test][:300]}" for test in missed)


def test_a_sound_channel_passes(kit: Path, tmp_path: Path) -> None:
    found = support.run_suites(kit, tmp_path, f"{SUITES}::TestSound")
    assert len(found) > 10
    assert not {test: said for test, said in found.items() if said}
