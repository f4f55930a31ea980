"""A server for one page and the files that it was started with, on loopback.

Every address begins with a token that nobody else on the machine can guess, and names one of a fixed list of parts: what
is asked for is looked up in a table and never on the disk. The headers let the page share memory between threads (COOP and
COEP), and let no other site read or embed anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

__all__ = ["Server"]

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
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    """Serves `parts`, a path or its bytes by name, at a free port of 127.0.0.1; `address` ends in a slash."""

    daemon_threads = True

    def __init__(self, parts: Mapping[str, Path | bytes]) -> None:
        self.parts = parts
        self.token = secrets.token_urlsafe(16)
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.address = f"http://{self.host}/{self.token}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version = "gcodec-view"
    sys_version = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        name = self._name()
        part = None if name is None else self.server.parts.get(name or "index.html")
        if name is None or part is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n", body)
            return
        try:
            data = part if isinstance(part, bytes) else part.read_bytes()
        except OSError as error:
            self._send(HTTPStatus.GONE, "text/plain", f"{error.strerror}\n".encode(), body)
            return
        kind = _TYPES.get(PurePosixPath(name or "index.html").suffix, "application/octet-stream")
        self._send(HTTPStatus.OK, kind, data, body)

    def _name(self) -> str | None:
        """The part that is asked for; None unless by somebody who knows the token and means this server."""
        # Another Host is a page elsewhere whose name was made to lead here.
        if self.headers.get("Host") != self.server.host:
            return None
        _, token, *rest = f"/{unquote(urlsplit(self.path).path)[1:]}".split("/", 2)
        known = secrets.compare_digest(token.encode(), self.server.token.encode())
        return rest[0] if known and rest else None

    def _send(self, status: HTTPStatus, kind: str, data: bytes, body: bool) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": len(data), **_HEADERS}.items():
            self.send_header(key, str(value))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what the page fetches is nobody's concern."""
