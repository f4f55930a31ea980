"""The receiver's room: what a decoding process has besides the file, when `mix`, `eval` and the kit measure what it finds.

A sender and a receiver on one machine could agree behind the file's back: an embedding that leaves the picture in the
temporary folder and finds it there at decode would look 6 dB better than it is. So the receiver gets a room of its own,

    room/       its working folder, empty
    home/       HOME, and with it the folders for settings and caches of all that looks there
    tmp/        TMPDIR
    cache/      GCODEC_CACHE, whose models are links to those that the user has fetched

and of the environment what the interpreter, the libraries and the machine need (`_KEPT`). It keeps the installed plugins and
models: they are what both sides have.

This is no jail. A process of the same user can still open any path that its own code makes up, a sender's among them, and
read the memory and the environment of the process that started it.
"""

from __future__ import annotations

import os
import site
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gcodec.errors import OutputError
from gcodec.files import why
from gcodec.models.cache import cache_folder

__all__ = ["Room", "absolute", "enter", "furnish", "room"]

#: Variables that a receiver keeps where the sender has them.
_KEPT = frozenset(
    {
        *("PATH", "LANG", "LANGUAGE", "VIRTUAL_ENV", "CONDA_PREFIX"),
        *("PYTHONHOME", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE"),
        *("PYTHONNOUSERSITE", "PYTHONSAFEPATH"),
        # Who it is: torch asks, and in a container nobody else knows.
        *("USER", "LOGNAME", "USERNAME"),
        *("GCODEC_DISABLE", "GCODEC_TRACEBACK"),
        # Without these no program starts on Windows.
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT"),
        *("NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
    }
)
#: The beginnings of others: language, the dynamic linker, threads of numeric libraries, accelerators.
_FAMILIES = (
    *("LC_", "LD_", "DYLD_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "VECLIB_"),
    *("CUDA_", "CUBLAS_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "PYTORCH_"),
)

#: Variables that are lists of folders, which may be given from the sender's working folder.
_PATHS = ("PYTHONPATH", "GCODEC_MODELS")


@dataclass(frozen=True)
class Room:
    """An empty working folder, and the environment of a process that is at home there."""

    folder: Path
    environment: Mapping[str, str]


@contextmanager
def room() -> Iterator[Room]:
    """Make a room, and remove it afterwards with all that was left in it. Raises OutputError."""
    try:
        made = tempfile.TemporaryDirectory(prefix="gcodec-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OutputError("a temporary folder", why(error)) from error
    with made as folder:
        yield furnish(Path(folder))


def furnish(folder: Path) -> Room:
    """Make an empty folder a receiver's."""
    own = {name: folder / name for name in ("room", "home", "tmp", "cache")}
    for path in own.values():
        path.mkdir(parents=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in _KEPT or name.upper().startswith(_FAMILIES)
    }
    for name in _PATHS:
        if folders := os.environ.get(name):
            environment[name] = absolute(folders)
    if site.ENABLE_USER_SITE:
        environment["PYTHONUSERBASE"] = site.getuserbase()  # else looked for below HOME
    homes = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")
    environment |= dict.fromkeys(homes if os.name == "nt" else homes[:1], str(own["home"]))
    environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(own["tmp"]))
    environment["GCODEC_CACHE"] = str(_with_models(own["cache"]))
    return Room(own["room"], environment)


def enter(place: Room) -> None:
    """Make this process, which has decoded nothing yet, at home in a room."""
    os.chdir(place.folder)
    os.environ.clear()
    os.environ.update(place.environment)
    tempfile.tempdir = None
    del sys.argv[1:]


def _with_models(cache: Path) -> Path:
    """Link the fetched models into a cache; return the user's own cache where the platform has no links for us."""
    theirs = (cache_folder() / "models").absolute()
    ours = cache / "models"
    ours.mkdir()
    for model in theirs.glob("*@*") if theirs.is_dir() else ():
        try:
            (ours / model.name).symlink_to(model, target_is_directory=True)
        except OSError:
            return theirs.parent
    return cache


def absolute(folders: str) -> str:
    """Return a list of folders, separated like PATH, with absolute paths for relative ones."""
    parts = (part for part in folders.split(os.pathsep) if part)
    return os.pathsep.join(str(Path(part).absolute()) for part in parts)
