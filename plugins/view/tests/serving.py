"""A server of jobs in this process, and how its page asks."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any, NamedTuple

from gcodec.cli.run_options import RunOptions
from gcodec_view._server import Server
from gcodec_view.serving.frames import Frame, read_frame, write_frame
from gcodec_view.serving.handler import JobServer
from gcodec_view.serving.jobs import Jobs
from gcodec_view.serving.task import Allowed

HOW = RunOptions("cpu", "float32", None, ())

#: What the page sends unless something else is said.
TASK: dict[str, Any] = {
    "name": "photo.png",
    "embedding": "webp",
    "options": {},
    "target": {"quality": 0.4},
    "reconstructor": "preview",
    "settings": {},
    "metrics": [],
}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def frames(self) -> list[Frame]:
        stream = io.BytesIO(self.body)
        found = []
        while (frame := read_frame(stream)) is not None:
            found.append(frame)
        assert stream.tell() == len(self.body)
        return found

    @property
    def last(self) -> dict[str, Any]:
        return self.frames[-1].table


@contextmanager
def serving(
    pixels: int = 1_000_000,
    memory: int | None = 2**32,
    seconds: float = 60,
    ahead: bool = False,
) -> Iterator[JobServer]:
    jobs = Jobs(Allowed(pixels, memory, seconds, HOW), ahead)
    with JobServer({"index.html": b"<p>"}, jobs, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def task(source: bytes, **changed: Any) -> bytes:
    """A frame as the page sends it."""
    stream = io.BytesIO()
    write_frame(stream, Frame({**TASK, **changed}, source))
    return stream.getvalue()


def headers(server: JobServer, **changed: str | None) -> dict[str, str]:
    """What a browser says for the page; None leaves a thing out. Names are written with _ for -."""
    given = {"Origin": f"http://{server.host}", "Content_Type": "application/octet-stream"}
    return {
        key.replace("_", "-"): value
        for key, value in {**given, **changed}.items()
        if value is not None
    }


def post(server: JobServer, body: bytes, name: str = "job", **changed: str | None) -> Answer:
    """Ask for a job as the page does."""
    return ask(server, "POST", f"/{server.token}/{name}", body, **headers(server, **changed))


def ask(server: Server, method: str, path: str, body: bytes = b"", **said: str) -> Answer:
    with closing(HTTPConnection("127.0.0.1", server.server_address[1], timeout=90)) as connection:
        connection.request(method, path, body, said)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())


def say(server: JobServer, text: str) -> socket.socket:
    """A connection on which this was said; "TOKEN", "HOST" and "ORIGIN" are the server's."""
    connection = socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=30)
    for word, value in (("TOKEN", server.token), ("HOST", server.host)):
        text = text.replace(word, value)
    connection.sendall(text.replace("\n", "\r\n").encode())
    return connection


def heard(connection: socket.socket) -> bytes:
    """All that is said until the connection ends."""
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    connection.close()
    return b"".join(parts)
