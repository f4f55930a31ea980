"""Many pictures with the same networks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from gcodec.errors import GcodecError, UsageError
from gcodec.models import ModelStore
from gcodec.pipeline.decoding import Decoded, Received, decode, finish, receive
from gcodec.pipeline.encoding import Encoded, encode
from gcodec.pipeline.kept import Kept
from gcodec.progress import Progress, silent
from gcodec.run import Run, is_whole

if TYPE_CHECKING:
    from PIL.Image import Image

    from gcodec.pictures import Picture

    Source: TypeAlias = Picture | Image | str | Path | bytes
    File: TypeAlias = bytes | str | Path

__all__ = ["Session"]

T = TypeVar("T")
Several: TypeAlias = list[T] | tuple[T, ...]


class Session:
    """Encodes and decodes like `gcodec.encode` and `gcodec.decode`, to the same bytes, and opens nothing twice::

        with gcodec.Session(device="cuda") as session:
            files = session.encode(pictures, "ntc", target=gcodec.Target(bpp=0.3))
            decoded = session.decode([file.data for file in files], "flow")

    What stays open are networks, and embeddings and reconstructors that are set up for the same options, weights, seed and
    companions: the `keep` of them that were used last, each with all its weights on the device. `close` lets go of them.
    Weights are hashed once, when they are opened first. Threads may share a session: it does one thing at a time. For two at
    a time take two sessions.

    device, dtype, memory, progress   as in `gcodec.Run`.
    models   folders with models that files or calls may name.
    keep     1 or more.
    """

    def __init__(
        self,
        *,
        device: str = "cpu",
        dtype: str = "auto",
        memory: str = "plenty",
        models: Iterable[str | Path] = (),
        progress: Progress = silent,
        keep: int = 16,
    ) -> None:
        if not is_whole(keep) or keep < 1:
            raise UsageError(f"a session keeps 1 thing or more open, not {keep!r}")
        self._run: Run | None = Run(
            device=device,
            dtype=dtype,
            memory=memory,
            models=ModelStore.installed(map(Path, models)),
            progress=progress,
            opened=Kept(int(keep)),
        )
        self._turn = threading.RLock()

    @overload
    def encode(
        self, picture: Source, embedding: str = ..., *, seed: int = ..., **how: Any
    ) -> Encoded: ...

    @overload
    def encode(
        self, picture: Several[Source], embedding: str = ..., *, seed: int = ..., **how: Any
    ) -> list[Encoded]: ...

    def encode(self, picture: Any, embedding: str = "ntc", *, seed: int = 0, **how: Any) -> Any:
        """Encode a picture, or each of a list, as `gcodec.encode` does with that seed and everything in `how`.

        Raises what that raises, of a list with a note of which picture it was, and UsageError once closed.
        """
        return self._each(lambda one, run: encode(one, embedding, run=run, **how), picture, seed)

    @overload
    def decode(
        self, data: File, reconstructor: str | None = ..., *, seed: int = ..., **how: Any
    ) -> Decoded: ...

    @overload
    def decode(
        self,
        data: Several[File],
        reconstructor: str | None = ...,
        *,
        seed: int = ...,
        together: int = ...,
        **how: Any,
    ) -> list[Decoded]: ...

    def decode(
        self,
        data: Any,
        reconstructor: str | None = None,
        *,
        seed: int = 0,
        together: int = 1,
        **how: Any,
    ) -> Any:
        """Decode a file, or each of a list, as `gcodec.decode` does with the seed (0: the file's own) and all of `how`.

        together  of a list, how many files at a time go to the reconstructor, which may make pictures of one size at once.
                  Worth it on a GPU; pictures then differ by rounding from those made one by one.

        Raises what that raises, of a list with a note of which file it was, and UsageError once closed.
        """
        if not is_whole(together) or together < 1:
            raise UsageError(
                f"1 file or more goes through the networks at a time, not {together!r}"
            )
        if together == 1 or not isinstance(data, (list, tuple)):
            return self._each(
                lambda one, run: decode(one, reconstructor, run=run, **how), data, seed
            )
        made: list[Decoded] = []
        for at in range(0, len(data), together):
            part = list(data[at : at + together])
            made += self.finish(
                self._each(
                    lambda one, run: receive(one, reconstructor, run=run, **how),
                    part,
                    seed,
                    at,
                    len(data),
                )
            )
        return made

    def receive(
        self, data: File, reconstructor: str | None = None, *, seed: int = 0, **how: Any
    ) -> Received:
        """Do all of `decode` but the picture itself, which `finish` makes. Raises what `decode` does."""
        made: Received = self._each(
            lambda one, run: receive(one, reconstructor, run=run, **how), data, seed
        )
        return made

    def finish(self, several: Sequence[Received]) -> list[Decoded]:
        """Make the pictures of files that this session has received, at once those that are `alike`. Raises PluginError."""
        with self._turn:
            return finish(several)

    def close(self) -> None:
        """Let go of everything; a second time does nothing."""
        with self._turn:
            if self._run is not None:
                self._run.opened.clear()
            self._run = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _each(
        self,
        work: Callable[[Any, Run], Any],
        given: Any,
        seed: int,
        first: int = 0,
        total: int | None = None,
    ) -> Any:
        with self._turn:
            if self._run is None:
                raise UsageError("the session is closed; open another one")
            run = self._run.with_seed(seed)
            if not isinstance(given, (list, tuple)):
                return work(given, run)
            made = []
            for number, one in enumerate(given, first + 1):
                try:
                    made.append(work(one, run))
                except GcodecError as error:
                    error.add_note(f"number {number} of {total or len(given)}")
                    raise
            return made
