"""Files that were written once must decode for ever (tests/golden/make.py)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType

import pytest

import gcodec_formats as gcx
from gcodec.errors import ModelMissing, PayloadError, UnknownProfile, UnusablePlugin
from gcodec.models import ModelStore
from gcodec.pipeline.decoding import decode, verify
from gcodec.registry import registry
from gcodec.run import Run
from gcodec_eval import metrics
from gcodec_formats import registry as numbers

GOLDEN = Path(__file__).resolve().parent / "golden"
ROWS = json.loads((GOLDEN / "golden.json").read_text("utf-8"))
_VECTORS = GOLDEN.parents[1] / "spec" / "vectors" / "withdrawn"
#: Files, and NAME-PROFILE or NAME-WHAT-PROFILE.
WITHDRAWN = [(path, path.stem) for path in sorted((GOLDEN / "withdrawn").glob("*.gcx"))]
WITHDRAWN += [(path, path.parent.name) for path in sorted(_VECTORS.glob("*/*.gcx"))]
#: Those that decode with their own models: nothing but weights has changed since.
READABLE = [*(("ntc", number) for number in range(2, 6)), ("ddcm", 1), ("lossless", 1)]
INSTALLED = registry().models.values()


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = spec_from_file_location("golden_make", GOLDEN / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_folder_holds_the_files_of_the_table_and_no_others() -> None:
    assert {row["file"] for row in ROWS.values()} == {p.name for p in GOLDEN.glob("*.gcx")}


@pytest.mark.parametrize("name", ROWS)
def test_the_file_is_the_one_that_was_made(name: str) -> None:
    data = (GOLDEN / ROWS[name]["file"]).read_bytes()
    assert len(data) == ROWS[name]["bytes"]
    assert hashlib.sha256(data).hexdigest() == ROWS[name]["sha256"]
    assert gcx.read(data).header.size == (96, 128)


@pytest.mark.parametrize("name", ROWS)
def test_it_decodes_to_the_symbols_and_the_picture_that_it_did(
    name: str, maker: ModuleType
) -> None:
    if name.split("@")[0] not in registry().embeddings:
        pytest.skip(f"{name} is not installed")
    row = ROWS[name]
    data = (GOLDEN / row["file"]).read_bytes()
    try:
        found = verify(data)
    except (UnusablePlugin, ModelMissing) as error:
        pytest.skip(str(error))
    assert found["proved"]
    assert (found["symbols"], found["model"]) == (row["symbols"], row["model"])
    # Symbols are exact; pixels may differ in the last bit from one decoder library to the next.
    psnr = metrics.psnr(maker.original(), decode(data, "preview").picture.pixels)
    assert psnr == pytest.approx(row["psnr"], abs=0.1)


def test_golden_files_are_never_replaced(maker: ModuleType) -> None:
    before = {path: path.read_bytes() for path in GOLDEN.glob("*.*")}
    for name in ROWS:
        with pytest.raises(SystemExit, match="never replaced"):
            maker.make(name)
    assert {path: path.read_bytes() for path in GOLDEN.glob("*.*")} == before


def test_a_published_file_is_read_by_the_command(
    gcodec: Callable[..., CompletedProcess[str]],
) -> None:
    row = next(iter(ROWS.values()))
    done = gcodec("info", GOLDEN / row["file"], "--json")
    assert json.loads(done.stdout)["bytes"] == row["bytes"]


@pytest.mark.parametrize(("path", "profile"), WITHDRAWN, ids=lambda of: getattr(of, "stem", of))
def test_a_file_of_a_withdrawn_profile_is_refused_with_the_model_it_would_need(
    path: Path, profile: str
) -> None:
    name, *_, number = profile.split("-")
    row = numbers.profile(name, int(number))
    assert row is not None
    assert row.status == "withdrawn"
    if name.split("@")[0] not in registry().embeddings:
        pytest.skip(f"{name} is not installed")
    with pytest.raises(UnknownProfile) as caught:
        decode(path.read_bytes(), "preview", run=Run(models=ModelStore(tuple(INSTALLED))))
    assert caught.value.withdrawn == row.digest
    assert caught.value.readable == ((name, int(number)) in READABLE)


@pytest.mark.parametrize(("name", "number"), READABLE)
def test_with_that_model_its_files_decode_to_the_symbols_that_they_did(
    name: str, number: int
) -> None:
    """Where somebody has it, in GCODEC_MODELS say: it is no longer in this repository."""
    row = numbers.profile(name, number)
    assert row is not None and row.digest is not None
    try:
        ModelStore.installed().find(row.digest)
    except ModelMissing as error:
        pytest.skip(str(error))
    of_it = [(path, of.split("-")) for path, of in WITHDRAWN]
    files = [path for path, (own, *_, last) in of_it if (own, last) == (name, str(number))]
    assert files
    for path in files:
        facts = path.with_suffix(".json")
        if "bad-" in path.name:
            with pytest.raises(PayloadError):
                verify(path.read_bytes())
        elif facts.exists():
            assert verify(path.read_bytes())["symbols"] == json.loads(facts.read_bytes())["digest"]
        else:
            assert verify(path.read_bytes())["proved"]
