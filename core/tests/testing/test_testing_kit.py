"""The conformance suite: sound methods pass, and each defect is found by the test that is there for it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import kit_networks
import numpy as np
import pytest
import support

from gcodec.cli._new_plugin import words_for, write_plugin
from gcodec.testing import pictures

SUITES = support.HERE / "kit_suites.py"

#: Test -> words of the failure that it must report.
DEFECTS = {
    "TestAllOrNothing::test_progressive": "a layer is missing",
    "TestStateful::test_encoding_is_a_function": "encoding in between changed the bytes",
    "TestRemembering::test_decoding_is_a_function": "decoding in between changed signals",
    "TestVandal::test_encoding_is_a_function": "wrote into the picture",
    "TestDrawing::test_generators_are_left_alone": "draws from NumPy's generator",
    "TestCareless::test_damaged_payload": "truncated to 0 of",
    "TestHanging::test_damaged_payload": "no end within 4 s",
    "TestGreedy::test_damaged_payload": "MemoryError",
    "TestCrashing::test_damaged_payload": "last seen:",
    "TestBoastful::test_stated_error": "the preview states mse",
    "TestDouble::test_round_trip[(17, 33)]": "preview.pixels is float64, not float32",
    "TestUnclipped::test_extreme_pictures[white]": "beyond [0, 1]",
    "TestBackwards::test_bytes_grow_with_quality": "bytes at",
    "TestBackwards::test_quality_reduces_the_error": "squared error",
    "TestBackwards::test_impossible_size_target": "DID NOT RAISE",
    "TestUnderestimating::test_stated_sizes": "bytes stated",
    "TestWhispering::test_every_option": "with {'turn': True} the preview states",
    "TestThreaded::test_encoding_in_a_fresh_process": "other bytes on",
    "TestHashing::test_fresh_process": "other symbols in the fresh process",
    **dict.fromkeys(
        (
            f"Test{name}::test_fresh_process"
            for name in ("Homely", "Punctual", "Dated", "Zoned", "Salted", "Smuggling")
        ),
        "decoding depends on more than the file",
    ),
    "TestNarrow::test_large_pictures": "who has such pictures?",
    "TestWandering::test_fresh_process": "two processes differ",
    "TestCramped::test_large_pictures": "has shape (3, 512, 512)",
    "TestNotInstalled::test_spec": "no installed embedding is called 'acme/nowhere'",
    "TestStolen::test_spec": "number 191 is registered to nobody",
    "TestShadowing::test_spec": "option 'force' of embedding 'kit/shadowing' is the command line's own",
    "TestPromising::test_round_trip[(1, 1)]": "the spec says ['preview', 'sketch']",
    "TestOptional::test_spec": "option 'effort' of embedding 'kit/optional' is 60",
    "TestHeavy::test_listing_imports_nothing_heavy": "kit_heavy_plugin imports numpy",
    "TestUnseeded::test_fresh_process": "two processes differ",
    "TestUnseeded::test_seed": "one seed gives two pictures",
    "TestUnseeded::test_realism[blurred]": "REALISM belongs among the options",
    "TestDialled::test_realism[blurred]": "realism 1 is not the sample",
    "TestWilful::test_spec": "'realism' is gcodec.plugin.REALISM and nothing else",
    "TestMingling::test_several_at_once": "beside others the picture differs",
    "TestOvershooting::test_sizes": "beyond [0, 1]",
    "TestScribbling::test_source[blurred]": "wrote into the signals",
    "TestInventing::test_squared_error[blurred]": "times the preview's",
    "TestInventing::test_seed": "set `deterministic`",
    "TestLonely::test_spec": "no installed embedding makes the signals",
    "TestSpaceless::test_spec": "must name its space",
    "TestWrongType::test_types_and_ranges": "tokens/kit",
    "TestTooSmall::test_types_and_ranges": "sketch.edges has shape",
    "TestKitSpaceDouble::test_sizes": "is float64",
    "TestKitSpaceWhole::test_sizes": "has shape (3, 2, 2), not (3, 1, 1)",
    "TestKitSpaceLossy::test_error[photograph]": "squared error",
    "TestKitSpaceDetached::test_render": "no gradient comes through render",
    "TestKitSpaceAnother::test_render": "render and decode differ",
    "TestKitDenoiserUnscaled::test_scale_does_not_matter": "the answers are",
    "TestKitDenoiserRestless::test_is_a_function": "one question has two answers",
    "TestKitDenoiserDividing::test_any_noise": "x0 is not finite at alpha 0",
    "TestKitDenoiserDividing::test_error_falls_with_the_noise": "squared error",
    "TestKitDenoiserDetached::test_gradient": "no gradient comes through x0",
    "TestKitDenoiserMisled::test_a_preview_helps": "with a preview",
    "TestKitDenoiserWhole::test_windows": "map estimate is (12, 13, 17)",
    "TestKitCodebookBeyond::test_shapes": "entries are 16",
    "TestKitCodebookShort::test_every_index_is_valid": "the table has fifteen rows",
    "TestKitCodebookBoastful::test_stated_error": "it states a deviation of 0.01",
    "TestTrusting::test_what_is_no_picture_is_refused[0..255]": "DID NOT RAISE",
    "TestLopsided::test_symmetry": "the other",
    "TestNumberless::test_equal_pictures": "it returned Number, not float",
    "TestUpside::test_direction": "the spec says rises=True",
    "TestUpside::test_equal_pictures": "for equal pictures",
    "TestLittering::test_failures": "left ['left.txt'] behind",
    "TestDefective::test_failures": "a defect: gcodec: ",
    "TestNoCommand::test_spec": "is no click.Command",
    "TestPonderous::test_help_is_light": "kit-ponderous --help imports PIL",
}


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the templates and the defective methods made from them are installed."""
    folder = tmp_path_factory.mktemp("kit")
    for name, kind in (("kit/blocks", "embedding"), ("kit/sharp", "reconstructor")):
        written = folder / kind
        write_plugin(written, kind, words_for(name, kind))
        (source,) = (written / "src").iterdir()
        source.rename(folder / source.name)
    points = {name: f"kit_{name}" for name in ("plugin", "heavy_plugin")}
    support.install(folder, "gcodec-kit", {}, points=points)
    kit_networks.write_models(folder / "models")
    return folder


@pytest.mark.parametrize("part", range(3))
def test_every_defect_is_found(kit: Path, tmp_path: Path, part: int) -> None:
    """A suite that cannot fail proves nothing."""
    due = dict(list(DEFECTS.items())[part::3])
    found = support.run_suites(kit, tmp_path, *(f"{SUITES}::{test}" for test in due))
    assert found.keys() == due.keys()
    missed = {test: said for test, said in found.items() if due[test] not in said or not said}
    assert not missed


def test_sound_methods_pass(kit: Path, tmp_path: Path) -> None:
    names = ("Progressive", "KitSpace", "KitDenoiser", "KitCodebook", "Metric", "Command")
    found = support.run_suites(kit, tmp_path, *(f"{SUITES}::Test{name}" for name in names))
    assert len(found) > 70
    assert not {test: said for test, said in found.items() if said}


def test_the_built_in_plugin_passes(kit: Path, tmp_path: Path) -> None:
    """The core eats its own cooking: the reconstructor `preview` and the adapter to edges."""
    suite = tmp_path / "test_builtin.py"
    suite.write_text(
        "import math\n"
        "from gcodec.testing import AdapterConformance, MetricConformance, ReconstructorConformance\n"
        "class TestPreview(ReconstructorConformance):\n"
        "    name, deterministic, max_mse_ratio, embeddings = 'preview', True, 1.0, ()\n"
        "class TestEdges(AdapterConformance):\n"
        "    source, target = 'preview', 'sketch'\n"
        "class TestPsnr(MetricConformance):\n"
        "    name, identity, symmetric = 'psnr', math.inf, True\n"
        "def test_fixtures(gcodec_command, gcodec_photograph):\n"
        "    assert gcodec_command('--version').stdout.startswith('gcodec ')\n"
        "    assert gcodec_photograph.pixels.shape == (3, 64, 96)\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    found = support.run_suites(elsewhere, tmp_path, str(suite))
    assert len(found) > 10
    assert not {test: said for test, said in found.items() if said}


def test_loading_the_pytest_plugin_is_light() -> None:
    """Every pytest start where gcodec is installed pays for it."""
    code = "import sys, gcodec.testing.fixtures; print(*sorted({'numpy', 'torch', 'PIL'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""


def test_photographs_are_like_photographs() -> None:
    """Neighbours are alike, colours go together, edges and texture are there; another seed is another scene."""
    image = pictures.photograph(96, 128).astype(float)
    across = np.corrcoef(image[:, 1:, 1].ravel(), image[:, :-1, 1].ravel())[0, 1]
    colours = np.corrcoef(image[..., 0].ravel(), image[..., 1].ravel())[0, 1]
    steps = np.abs(np.diff(image[..., 1], axis=1))
    assert 0.9 < across < 0.999
    assert colours > 0.3
    assert steps.max() > 50 > 10 > np.median(steps) >= 1
    assert np.abs(pictures.photograph(96, 128, seed=1) - image).mean() > 3


def test_pictures_are_the_same_everywhere() -> None:
    """Golden bytes: sums of a photograph and of noise."""
    digest = hashlib.sha256(pictures.photograph(17, 33).tobytes() + pictures.noise(5, 7).tobytes())
    assert digest.hexdigest()[:16] == "1422da72f2b93fea"


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (17, 33)])
def test_pictures_come_in_every_size(size: tuple[int, int]) -> None:
    made = [pictures.photograph(*size), pictures.gray(*size), pictures.noise(*size)]
    made += [pictures.flat(*size, 7), pictures.checkerboard(*size), pictures.blurred(made[0])]
    for image in made:
        assert image.dtype == np.uint8 and image.shape == (*size, 3)
        picture = pictures.as_picture(image)
        assert np.array_equal(np.rint(picture.pixels * 255), image.transpose(2, 0, 1))


def test_blurring_keeps_the_mean_and_flattens() -> None:
    image = pictures.photograph(48, 64)
    soft = pictures.blurred(image)
    assert abs(float(soft.mean()) - float(image.mean())) < 1
    assert soft.astype(float).std() < image.astype(float).std()
    assert np.array_equal(pictures.blurred(pictures.flat(9, 9, 200)), pictures.flat(9, 9, 200))
