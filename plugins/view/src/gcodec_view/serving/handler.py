"""Who may have a job done, and how much may be sent for it.

Only this server's own page may ask for a job: it knows the token, names this server as its host and its origin, and sends
bytes of a kind that no form of another page can send. There is no CORS, so nothing that another page asks is answered.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

from gcodec_view._server import Handler, Server
from gcodec_view.serving.frames import Frame, write_frame
from gcodec_view.serving.jobs import Jobs

__all__ = ["JobServer"]

_KIND = "application/octet-stream"

#: Beside the samples of a picture: its profile, its metadata, the table of the task.
_BESIDE = 1 << 20

#: Bytes that a sample takes in the largest of usual files: 16 bits of four channels.
_BYTES = 8

#: Seconds in which a task is sent, and in which a frame of the answer is taken.
_SENDING = 60

#: Seconds and bytes of what is refused and still heard, so that the one who sends it reads why.
_LINGER, _HEARD = 2.0, 1 << 24


class JobHandler(Handler):
    """Gives parts of the page, and does jobs."""

    server: JobServer

    def do_POST(self) -> None:
        """Do a job and answer with its frames, until the connection ends."""
        self.close_connection = True
        if refused := self._refusal():
            self._refuse(*refused)
            return
        with self.server.jobs.place() as free:
            if not free:
                busy = "another job is being done, and one more waits: try again when it has ended"
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, busy, {"Retry-After": 5})
                return
            self.timed.until = time.monotonic() + _SENDING
            length = int(self.headers["Content-Length"])
            try:
                task = self.rfile.read(length)
            except TimeoutError:
                late = f"the picture did not come within {_SENDING} seconds"
                self.say(HTTPStatus.REQUEST_TIMEOUT, late, {"Connection": "close"})
                return
            if len(task) == length:
                self.begin(HTTPStatus.OK, {"Content-Type": _KIND, "Connection": "close"})
                self.connection.settimeout(_SENDING)
                with self.server.held(self.connection):
                    self.server.jobs.do(task, self._send, self._is_gone)

    def _refusal(self) -> tuple[HTTPStatus, str] | None:
        name = self.asked()
        if name is None:
            return HTTPStatus.NOT_FOUND, "not found"
        if self.headers.get_all("Origin") != [f"http://{self.server.host}"]:
            return HTTPStatus.FORBIDDEN, "jobs are for this server's own page"
        if name != "job":
            return HTTPStatus.METHOD_NOT_ALLOWED, "nothing is taken here"
        if self.headers.get_all("Content-Type") != [_KIND]:
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a job is sent as {_KIND}"
        lengths = self.headers.get_all("Content-Length") or []
        if len(lengths) != 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            return HTTPStatus.LENGTH_REQUIRED, "a job says its length"
        if len(lengths[0]) > 18 or int(lengths[0]) > self.server.largest:
            most = f"{self.server.largest} bytes are taken at most"
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{most}; --max-pixels allows more"
        return None

    def _refuse(
        self, status: HTTPStatus, text: str, more: Mapping[str, object] | None = None
    ) -> None:
        """Say no, and hear some of the rest: who is cut off while he sends reads no answer."""
        self.say(status, text, {"Connection": "close", **(more or {})})
        self.connection.shutdown(socket.SHUT_WR)
        self.timed.until = time.monotonic() + _LINGER
        left = _HEARD
        while left > 0 and (data := self.rfile.read1(1 << 16)):
            left -= len(data)

    def _send(self, frame: Frame) -> None:
        write_frame(self.wfile, frame)

    def _is_gone(self) -> bool:
        """Whether the page has closed the connection, as it does to cancel."""
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True


class JobServer(Server):
    """A server whose page may have jobs done. `largest`: bytes of a task."""

    handler = JobHandler

    def __init__(self, parts: Mapping[str, Path | bytes], jobs: Jobs, host: str, port: int) -> None:
        self.jobs = jobs
        self._held: set[socket.socket] = set()
        self.largest = _BYTES * jobs.allowed.pixels + _BESIDE
        super().__init__(parts, host, port)

    @contextmanager
    def held(self, connection: socket.socket) -> Iterator[None]:
        """While it is answered."""
        self._held.add(connection)
        try:
            yield
        finally:
            self._held.discard(connection)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._held):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # its page may have stopped listening
        self.jobs.close()
