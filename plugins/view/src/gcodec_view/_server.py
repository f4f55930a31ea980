"""A server for one page and the files that it was started with, on loopback.

Every address begins with a token that nobody else on the machine can guess, and names one of a fixed list of parts: what
is asked for is looked up in a table and never on the disk. The headers let the page share memory between threads (COOP and
COEP), and let no other site read or embed anything. Whoever says what he wants too slowly is left.
"""

from __future__ import annotations

import io
import secrets
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import click

__all__ = ["Handler", "Server", "serve_until_ctrl_c"]

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".gcx": "image/x-gcx",
}

_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

#: Seconds in which a request is made, without what it carries, and in which a part of an answer is taken.
_PATIENCE = 15

#: Connections at a time; a browser has six.
_CONNECTIONS = 32


class Handler(BaseHTTPRequestHandler):
    """Gives parts. A subclass may take something by `do_POST`."""

    server: Server
    server_version = "gcodec-view"
    sys_version = ""
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.timed = _Timed(self.connection)
        self.rfile = io.BufferedReader(self.timed)

    def handle_one_request(self) -> None:
        self.timed.until = time.monotonic() + _PATIENCE
        super().handle_one_request()

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        name = self.asked()
        part = None if name is None else self.server.parts.get(name or "index.html")
        if name is None or part is None:
            self.say(HTTPStatus.NOT_FOUND, "not found", body=body)
            return
        try:
            data = part if isinstance(part, bytes) else part.read_bytes()
        except OSError as error:
            self.say(HTTPStatus.GONE, error.strerror or "gone", body=body)
            return
        kind = _TYPES.get(PurePosixPath(name or "index.html").suffix, "application/octet-stream")
        self.begin(HTTPStatus.OK, {"Content-Type": kind, "Content-Length": len(data)})
        if body:
            self.wfile.write(data)

    def asked(self) -> str | None:
        """The part that is asked for; None unless by somebody who knows the token and means this server."""
        # Another Host is a page elsewhere whose name was made to lead here.
        if self.headers.get_all("Host") != [self.server.host]:
            return None
        try:
            path = unquote(urlsplit(self.path).path)
        except ValueError:  # http://[x
            return None
        _, token, *rest = f"/{path[1:]}".split("/", 2)
        known = secrets.compare_digest(token.encode(), self.server.token.encode())
        return rest[0] if known and rest else None

    def say(
        self,
        status: HTTPStatus,
        text: str,
        more: Mapping[str, object] | None = None,
        *,
        body: bool = True,
    ) -> None:
        """Answer with a line."""
        line = f"{text}\n".encode()
        self.begin(
            status, {"Content-Type": "text/plain", "Content-Length": len(line), **(more or {})}
        )
        if body:
            self.wfile.write(line)

    def begin(self, status: HTTPStatus, headers: Mapping[str, object]) -> None:
        """Send the head of an answer."""
        self.connection.settimeout(_PATIENCE)
        self.send_response(status)
        for key, value in {**headers, **_HEADERS}.items():
            self.send_header(key, str(value))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what the page fetches is nobody's concern."""


class _Timed(io.RawIOBase):
    """What a connection says until a moment. TimeoutError after it, however little each wait was for."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.until = connection, 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.connection.settimeout(left)
        return self.connection.recv_into(buffer)


class Server(ThreadingHTTPServer):
    """Serves `parts`, a path or its bytes by name; `address` ends in a slash.

    host  an address or a name of this machine; port 0: a free one. Raises OSError where nobody can listen there.
    """

    daemon_threads = True
    request_queue_size = _CONNECTIONS
    handler: ClassVar[type[Handler]] = Handler

    def __init__(
        self, parts: Mapping[str, Path | bytes], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.parts = parts
        self.token = secrets.token_urlsafe(16)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__((host, port), self.handler)
        named, port = f"[{host}]" if ":" in host else host, self.server_address[1]
        # As browsers say it.
        self.host = named if port == 80 else f"{named}:{port}"
        self.address = f"http://{self.host}/{self.token}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def serve_until_ctrl_c(server: Server, address: str, *, browser: bool) -> None:
    """Serve, and print the address; open it in a browser where that is wanted."""
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    click.echo(address)
    click.echo("Ctrl-C ends it.", err=True)
    try:
        if browser and not webbrowser.open(address):
            click.echo("No browser was found: open the address in one on this machine.", err=True)
        serving.join()
    except KeyboardInterrupt:
        server.shutdown()
