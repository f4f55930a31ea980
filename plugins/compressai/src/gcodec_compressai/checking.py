"""A second process that decodes what this one has coded, on another number of threads.

``python -m gcodec_compressai.checking FOLDER DEVICE THREADS`` reads requests from standard input and answers on standard
output until its input ends. A request is a line of JSON, {"network", "rate", "size", "lengths"}, and the strings behind it;
an answer a line, {"symbols": SHA-256, "bytes"} or {"error"}, and the pixels, float32.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any
from weakref import finalize

import numpy as np

from gcodec.errors import GcodecError, VerificationError
from gcodec.interfaces import Size
from gcodec.models import Model
from gcodec_compressai.network import Decoded

__all__ = ["NotPortable", "Second", "digest_of"]

#: Largest difference of the pixels between two processes that read the same symbols.
_APART = 1 / 255


class NotPortable(VerificationError):
    """Another process decodes something else than the sender: the file would be nobody's but the sender's."""

    def __init__(self, source: str, reason: str, expected: bytes = b"", found: bytes = b"") -> None:
        super().__init__(source, expected, found)
        self.args = (
            f"model {source}: {reason}, so nothing was written; try --device cpu, or a model without a context model;"
            " `--embed ntc` decides in integers with those families of CompressAI that it reads",
        )


class Second:
    """The second process: started once, ended with this object."""

    def __init__(self, model: Model, device: str) -> None:
        self._model, self._device = model, device
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Let it import what it needs."""
        if self._process is None:
            self._process = _started(self._model.folder, self._device)
            finalize(self, _ended, self._process)

    def ask(self, network: int, rate: int, size: Size, strings: Sequence[bytes]) -> None:
        """Let it begin to decode."""
        self.start()
        request = {
            "network": network,
            "rate": rate,
            "size": [*size],
            "lengths": [*map(len, strings)],
        }
        assert self._process is not None and self._process.stdin is not None
        try:
            _send(self._process.stdin, request, b"".join(strings))
        except OSError as error:
            raise self._died() from error

    def compare(self, own: Decoded) -> None:
        """Wait for what it found. Raises NotPortable where that is not what this process has decoded."""
        assert self._process is not None and self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._died()
        answer = json.loads(line)
        pixels = np.frombuffer(self._process.stdout.read(answer.get("bytes", 0)), np.float32)
        expected, found = digest_of(own.symbols), bytes.fromhex(answer.get("symbols", ""))
        if "error" in answer:
            raise NotPortable(self._model.name, f"a second process says: {answer['error']}")
        if expected != found:
            reason = "a second process on another number of threads decodes other symbols"
            raise NotPortable(self._model.name, reason, expected, found)
        apart = float(np.abs(pixels - own.pixels.ravel()).max())
        if not apart <= _APART:
            reason = f"a second process decodes pixels that differ by {255 * apart:.1f} of 255"
            raise NotPortable(self._model.name, reason, expected, found)

    def _died(self) -> NotPortable:
        assert self._process is not None
        _ended(self._process)
        said = f"the second process ended with status {self._process.returncode}"
        self._process = None
        return NotPortable(self._model.name, said)


def digest_of(symbols: np.ndarray) -> bytes:
    """SHA-256 of symbols."""
    return hashlib.sha256(symbols.astype("<i4").tobytes()).digest()


def _started(folder: Path, device: str) -> subprocess.Popen[bytes]:
    import torch

    threads = 2 if torch.get_num_threads() == 1 else 1
    words = [sys.executable, "-m", __name__, str(folder.absolute()), device, str(threads)]
    # With the same modules in reach: the network's class may be anywhere.
    code = f"import sys; sys.path[:] = {sys.path!r}; sys.argv[1:] = {words[3:]!r}; import runpy; "
    code += f"runpy.run_module({__name__!r}, run_name='__main__')"
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _ended(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what it was never sent
                continue
    process.wait()


def _send(pipe: IO[bytes], about: dict[str, Any], data: bytes) -> None:
    pipe.write(json.dumps(about).encode() + b"\n" + data)
    pipe.flush()


def _serve(folder: Path, device: str, threads: int) -> None:
    import torch

    from gcodec_compressai.embedding import opened

    torch.set_num_threads(threads)
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    model, networks = Model(str(folder), "", folder), {}
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        strings = [sys.stdin.buffer.read(length) for length in request["lengths"]]
        number = request["network"]
        try:
            if number not in networks:
                networks[number] = opened(model, number, device)
            made = networks[number].decompress(strings, request["rate"], Size(*request["size"]))
        except GcodecError as error:
            _send(answers, {"error": str(error)}, b"")
            continue
        pixels = made.pixels.tobytes()
        _send(answers, {"symbols": digest_of(made.symbols).hex(), "bytes": len(pixels)}, pixels)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
