"""The receiver's room: what is its own, what it shares, what it does not see."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gcodec.errors import OutputError
from gcodec.models.cache import fetched
from gcodec.pipeline.receiver import furnish, room

FOLDERS = (
    "import os, tempfile; from pathlib import Path; from gcodec.models.cache import cache_folder;"
    "print(Path.cwd(), Path.home(), tempfile.gettempdir(), cache_folder(), sep='\\n')"
)


def test_its_folders_are_its_own_empty_and_gone_afterwards() -> None:
    with room() as alone:
        assert list(alone.folder.iterdir()) == []
        said = subprocess.run(
            [sys.executable, "-c", FOLDERS],
            cwd=alone.folder,
            env=alone.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        places = [Path(line).resolve() for line in said.stdout.splitlines()]
        assert len(set(places)) == 4
        for place in places:
            assert place.is_relative_to(alone.folder.parent.resolve())
            assert not list(place.rglob("*.*"))
    assert not alone.folder.parent.exists()


def test_without_a_place_for_it_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(OutputError, match="a temporary folder"), room():
        pass


def test_of_the_environment_it_has_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets, and whatever the sender's plugins have put there, stay behind."""
    kept = {
        "OMP_NUM_THREADS": "3",
        "LC_ALL": "C",
        "CUDA_VISIBLE_DEVICES": "1",
        "PATH": os.environ["PATH"],
    }
    left = {"HF_TOKEN": "secret", "ACME_ORIGINAL": "00ff", "PWD": "/photos", "GCODEC_ACME": "00ff"}
    for name, value in (kept | left).items():
        monkeypatch.setenv(name, value)
    found = furnish(tmp_path / "room").environment
    assert {name: found.get(name) for name in kept} == kept
    assert not left.keys() & found.keys()


def test_relative_folders_are_those_of_the_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONPATH", "GCODEC_MODELS"):
        monkeypatch.setenv(name, os.pathsep.join(["here", str(tmp_path / "there"), ""]))
    found = furnish(tmp_path / "room").environment
    both = os.pathsep.join([str(tmp_path / "here"), str(tmp_path / "there")])
    assert found["PYTHONPATH"] == found["GCODEC_MODELS"] == both


def test_fetched_models_are_there_and_new_ones_stay_in_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "cache"
    (theirs / "models" / "acme--ball@00ff").mkdir(parents=True)
    (theirs / "notes.txt").write_text("the sender's")
    monkeypatch.setenv("GCODEC_CACHE", str(theirs))
    alone = furnish(tmp_path / "room")
    own = Path(alone.environment["GCODEC_CACHE"])
    monkeypatch.setenv("GCODEC_CACHE", str(own))
    assert [(name, digest) for name, digest, _ in fetched()] == [("acme/ball", "00ff")]
    assert [path.name for path in own.iterdir()] == ["models"]
    (own / "models" / "acme--cube@11ee").mkdir()
    assert [path.name for path in (theirs / "models").iterdir()] == ["acme--ball@00ff"]


def test_without_links_it_reads_the_users_own_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows without the right to make links."""

    def refused(*words: object, **more: object) -> None:
        raise OSError("a required privilege is not held by the client")

    (tmp_path / "cache" / "models" / "acme--ball@00ff").mkdir(parents=True)
    monkeypatch.setenv("GCODEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Path, "symlink_to", refused)
    found = furnish(tmp_path / "room").environment
    assert found["GCODEC_CACHE"] == str(tmp_path / "cache")
