"""Fetching models from the hub: only when the user asks, kept by digest, never executed.

Of a repository those files are fetched that a model folder needs (`gcodec.models.needed`), into `gcodec.models.cache`.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gcodec.errors import ModelMissing
from gcodec.models.cache import cache_folder, keep
from gcodec.models.needed import INDEX, NotAModel, needed
from gcodec.progress import silent

if TYPE_CHECKING:
    from gcodec.models.folder import Model
    from gcodec.progress import Progress

__all__ = ["fetch"]

#: Seconds between two looks at how much has come.
_INTERVAL = 0.2


def fetch(repository: str, revision: str | None = None, progress: Progress = silent) -> Model:
    """Fetch "owner/name" from the hub (huggingface_hub's endpoint and credentials) and return it as a model.

    revision  branch, tag or commit; None: the hub's default.
    progress  called with the bytes that have come and that there are.

    What an interrupted download has left in the cache is not fetched again. Raises ModelMissing where huggingface_hub is
    not installed, where the hub does not give it, and where it is no model folder.
    """
    try:
        from huggingface_hub import HfApi, hf_hub_download, snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
        from huggingface_hub.utils.tqdm import (
            are_progress_bars_disabled,
            disable_progress_bars,
            enable_progress_bars,
        )
    except ImportError as error:
        raise ModelMissing(repository, "fetching needs: pip install gcodec[hub]") from error
    # Which library carries the requests is the hub's affair; its own error is one of that library's.
    carriers = cast("tuple[type[Exception], ...]", HfHubHTTPError.__bases__)
    failures: tuple[type[Exception], ...] = (*carriers, HFValidationError, OSError, ValueError)
    bars = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        about = HfApi().model_info(repository, revision=revision, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in about.siblings or ()}
        # A commit never changes, so what is there of it already is right; of a branch it may be yesterday's.
        partial = cache_folder() / "partial" / f"{repository.replace('/', '--')}@{about.sha}"
        at: dict[str, Any] = {"revision": about.sha, "local_dir": partial}
        index = None
        if INDEX in sizes:
            index = _index(Path(hf_hub_download(repository, INDEX, **at)))
        files = needed(sizes, index)
        with _watched(partial, sum(sizes[file] for file in files), progress):
            snapshot_download(repository, allow_patterns=[escape(file) for file in files], **at)
    except NotAModel as error:
        raise ModelMissing(repository, f"what the hub has is no model folder: {error}") from error
    except failures as error:
        reason = " ".join(str(error).split())
        raise ModelMissing(repository, f"the hub does not give it: {reason}") from error
    finally:
        if bars:
            enable_progress_bars()
    _clear(partial, files)
    model = keep(repository, partial)
    for stopped in partial.parent.glob(f"{escape(partial.name.rpartition('@')[0])}@*"):
        shutil.rmtree(
            stopped, ignore_errors=True
        )  # of other commits, of which nobody will ask for the rest
    return model


def _index(path: Path) -> dict[str, Any]:
    try:
        index = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise NotAModel(f"{INDEX} cannot be read: {error}") from error
    if not isinstance(index, dict):
        raise NotAModel(f"{INDEX} does not hold an object")
    return index


@contextmanager
def _watched(folder: Path, total: int, progress: Progress) -> Iterator[None]:
    """Tell how many bytes lie in a folder, finished or not, while something fills it."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_INTERVAL):
            progress("fetch", min(_bytes_in(folder), total), total)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    progress("fetch", total, total)


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # it has just been finished, and is called otherwise
            continue
    return total


def _clear(folder: Path, files: list[str]) -> None:
    """Leave nothing in a folder but these files: not the hub's notes on its download either."""
    wanted = {folder / file for file in files}
    for path in folder.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()
    shutil.rmtree(folder / ".cache", ignore_errors=True)
