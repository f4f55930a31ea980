"""The process of one job: ``python -m gcodec_view.serving.job FOLDER [ahead]``, at home in that folder.

It reads one frame: {"allowed"}, what the server allows, and as its bytes the frame of the page, which may be anybody's.
It answers in frames:

    {"is": "progress", "what", "done", "total"}
    {"is": "part", "name"}              bytes, by the name that other frames have for them; never those that the page sent
    {"is": "file", "name", "part"}      the .gcx file is there
    {"is": "made", "picture", "point"}  the end: as gcodec_view._points has it; "picture" is null where a file came
    {"is": "error", "name", "text"}     the end: why there is nothing more

When its standard input ends, the server is gone: then it removes the folder and ends, whatever it is doing.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import gcodec_formats as gcx
from gcodec.errors import GcodecError, NoPath, Unmeasured, UsageError
from gcodec_view.serving.frames import Frame, read_frame, write_frame
from gcodec_view.serving.task import Allowed, Task

if TYPE_CHECKING:
    from gcodec.pictures import Picture
    from gcodec.pipeline.decoding import Decoded
    from gcodec.run import Run
    from gcodec_view._points import File, Hold

__all__: list[str] = []

#: Seconds between two words of progress.
_OFTEN = 0.1
#: Pixels of a picture whose errors are told: beyond, that may take more memory than the picture did.
_MAPPED = 1 << 23

Tell = Callable[[Frame], None]


def main() -> None:
    """Do the job."""
    heard = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plugin prints is no answer
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if sys.argv[2:]:
        _import_ahead()
    told = read_frame(heard)
    if told is None:
        _leave(sys.argv[1])
        return
    threading.Thread(target=_outlive, args=(heard, sys.argv[1]), daemon=True).start()
    allowed = Allowed.read(told.table["allowed"])
    if allowed.memory is not None:
        _bound(allowed.memory)
    lock = threading.Lock()

    def tell(frame: Frame) -> None:
        with lock:
            write_frame(answers, frame)

    try:
        tell(_done(Task.read(told.data), allowed, tell))
    except Exception as error:
        tell(_failed(error, allowed))


def _import_ahead() -> None:
    """Import what a job imports, and what takes longest; a job that finds something missing says so itself."""
    with suppress(Exception):
        import torch  # noqa: F401

        import gcodec.pictures
        import gcodec.pipeline.decoding
        import gcodec.pipeline.encoding
        import gcodec.pipeline.mixing  # noqa: F401
        from gcodec.plugin import EmbeddingSpec
        from gcodec.registry import registry

        registry().usable(EmbeddingSpec)


def _done(task: Task, allowed: Allowed, tell: Tell) -> Frame:
    from gcodec.pipeline.decoding import save_decoded
    from gcodec.pipeline.mixing import measure
    from gcodec.pipeline.stage2 import checked
    from gcodec.registry import registry
    from gcodec_view._points import File, fidelity_table, outcome, setting
    from gcodec_view.serving.choices import METRICS, check_offered

    held = {_digest(task.source)}

    def hold(data: bytes) -> str:
        name = _digest(data)
        if name not in held:
            tell(Frame({"is": "part", "name": name}, data))
            held.add(name)
        return name

    progress = _Progress(tell)
    run = allowed.run(progress)
    if any(name not in METRICS for name in task.metrics):
        raise UsageError(f"what may be measured is {', '.join(METRICS)}")
    receiver = registry().reconstructor(task.reconstructor)
    check_offered(receiver, task.settings)
    checked(receiver, task.settings)
    sent = _Sent(File(task.name, task.source))
    if task.embedding is not None:
        sent = _encoded(task, task.embedding, run, progress, hold)
        tell(Frame({"is": "file", "name": sent.file.name, "part": hold(sent.file.data)}))
    progress.turn_to(f"Decoding by {receiver.name}")
    decoded = _decoded(task, sent.file.data, run)
    stream = io.BytesIO()
    save_decoded(decoded, stream)
    made = File(_named(task, decoded.embedding, receiver.name, "png"), stream.getvalue())
    values = {}
    if sent.picture is not None:
        progress.turn_to("Measuring")
        values = measure(sent.picture, made.data, task.metrics)
    label = setting(receiver.name, task.settings)
    fidelity = decoded.fidelity
    point = {
        "embedding": setting(decoded.embedding, task.options),
        "reconstructor": label,
        "origin": decoded.origin,
        "values": values,
        "seconds": {**sent.seconds, "decode": sum(decoded.seconds.values())},
        **outcome(
            task.name, sent.file, made, decoded.picture, (sent.words, ["--recon", label]), hold
        ),
        "fidelity": None if fidelity is None else fidelity_table(fidelity, hold),
    }
    return Frame({"is": "made", "picture": sent.about, "point": point})


def _decoded(task: Task, data: bytes, run: Run) -> Decoded:
    """Decode a file, with the error to expect of each pixel where that is known and the picture is not too large for it."""
    from gcodec.pipeline.decoding import finish, receive

    size = gcx.read(data, limits=run.limits, partial=True).header.size
    how: dict[str, Any] = {"options": task.settings, "partial": True, "run": run}
    try:
        mapped = size.width * size.height <= _MAPPED
        received = receive(data, task.reconstructor, fidelity=mapped, **how)
    except (Unmeasured, NoPath):
        received = receive(data, task.reconstructor, **how)
    return finish([received])[0]


class _Sent(NamedTuple):
    """A .gcx file; where it was made here, of what, and what `gcodec encode` is told to make it again."""

    file: File
    picture: Picture | None = None
    about: dict[str, Any] | None = None
    words: list[str] | None = None
    seconds: Mapping[str, float] = {}


def _encoded(task: Task, embedding: str, run: Run, progress: _Progress, hold: Hold) -> _Sent:
    from gcodec.pictures import load_image
    from gcodec.pipeline.encoding import encode
    from gcodec.pipeline.resolver import check_pair
    from gcodec.pipeline.stage2 import checked
    from gcodec.registry import registry
    from gcodec_view._points import File, picture_table, setting
    from gcodec_view.serving.choices import check_offered

    sender, receiver = registry().embedding(embedding), registry().reconstructor(task.reconstructor)
    check_offered(sender, task.options)
    # Before anything is encoded.
    check_pair(sender, receiver, registry(), checked(receiver, task.settings).share)
    target = task.aim()
    progress.turn_to("Reading the picture")
    picture = load_image(task.source, limits=run.limits)
    about = picture_table(File(task.name, task.source), picture, hold)
    progress.turn_to(f"Encoding by {embedding}")
    made = encode(picture, embedding, target=target, options=task.options, run=run)
    words = ["--embed", setting(embedding, task.options), "--quality", str(made.quality)]
    seconds = {"encode": sum(made.seconds.values())}
    return _Sent(File(_named(task, embedding, "gcx"), made.data), picture, about, words, seconds)


def _named(task: Task, *parts: str) -> str:
    return ".".join([task.stem, *(part.replace("/", "-") for part in parts)])


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class _Progress:
    """Tells the page how far the work is, not too often."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._stage, self._next = tell, "", 0.0

    def turn_to(self, stage: str) -> None:
        """Another stage begins, and nobody knows how long it takes."""
        self._stage = stage
        self._say(0, 0)

    def __call__(self, what: str, done: int, total: int) -> None:
        if time.monotonic() > self._next:
            self._say(done, total)

    def _say(self, done: int, total: int) -> None:
        self._next = time.monotonic() + _OFTEN
        self._tell(Frame({"is": "progress", "what": self._stage, "done": done, "total": total}))


def _outlive(heard: BinaryIO, folder: str) -> None:
    """Wait for the server's end, and leave nothing."""
    heard.read()
    _leave(folder)
    with suppress(AttributeError, OSError):
        os.killpg(os.getpid(), signal.SIGKILL)  # and whatever a plugin has started
    os._exit(1)


def _leave(folder: str) -> None:
    os.chdir(Path(folder).parent)
    shutil.rmtree(folder, ignore_errors=True)


def _bound(memory: int) -> None:
    """Have the system refuse this process more data than that."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or memory < most:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _failed(error: Exception, allowed: Allowed) -> Frame:
    name, text = type(error).__name__, " ".join(str(error).split())
    if _is_of_memory(error) and allowed.memory is not None:
        name = "TooLittleMemory"
        text = f"it takes more than the {allowed.memory / 2**30:g} GiB of memory that the server allows (--max-memory)"
    elif not isinstance(error, GcodecError):
        text = f"{name}: {text} (this is a defect of gcodec)"
    return Frame({"is": "error", "name": name, "text": text})


def _is_of_memory(error: BaseException | None) -> bool:
    """Whether memory was refused; libraries say so in words of their own, and others wrap them."""
    while error is not None:
        if isinstance(error, MemoryError) or re.search(r"alloc|(out of|enough) memory", str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    main()
