"""Fetching from a hub: a small server on this machine speaks the hub's protocol."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

_COMMIT = "a" * 40
_FILES = {
    "config.json": b'{"_class_name": "Nothing"}',
    "diffusion_pytorch_model.safetensors": save({"w": np.arange(3, dtype=np.float32)}),
    "tokenizer/merges.txt": b"#version: 0.2\n",
    "evil.py": b"raise SystemExit('a fetched file was executed')",
    "weights.bin": b"a pickle",
}


class _Hub(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/api/models/acme/tiny/tree/"):
            entries = [
                {
                    "type": "file",
                    "path": name,
                    "size": len(data),
                    "oid": hashlib.sha1(data).hexdigest(),
                }
                for name, data in _FILES.items()
            ]
            self._send(json.dumps(entries).encode(), body)
        elif path.startswith("/api/models/acme/tiny"):
            listing = [{"rfilename": name} for name in _FILES]
            self._send(
                json.dumps({"id": "acme/tiny", "sha": _COMMIT, "siblings": listing}).encode(), body
            )
        elif path.startswith("/acme/tiny/resolve/"):
            self._send(_FILES[path.split("/", 5)[5]], body)
        else:
            self._send(b'{"error": "Repository not found"}', body, status=404, error="RepoNotFound")

    def _send(self, data: bytes, body: bool, *, status: int = 200, error: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", _COMMIT)
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def gcodec(endpoint: str, cache: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a hub and a cache of its own."""
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "GCODEC_CACHE": str(cache)}
    environment |= {
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": str(cache / "hf"),
    }
    environment.pop("HF_HUB_OFFLINE", None)
    command = [sys.executable, "-m", "gcodec", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_fetched_model_is_listed_and_only_safe_files_are_taken(
    endpoint: str, tmp_path: Path
) -> None:
    done = gcodec(endpoint, tmp_path, "models", "--fetch", "acme/tiny")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "models").iterdir()
    assert sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*.*")) == [
        "config.json",
        "diffusion_pytorch_model.safetensors",
        "tokenizer/merges.txt",
    ]
    listed = json.loads(gcodec(endpoint, tmp_path, "models", "--json").stdout)
    (model,) = [m for m in listed if m["name"] == "acme/tiny"]
    assert folder.name.endswith(model["digest"])


def test_a_fetched_model_that_was_changed_is_refused(endpoint: str, tmp_path: Path) -> None:
    assert gcodec(endpoint, tmp_path, "models", "--fetch", "acme/tiny").returncode == 0
    (folder,) = (tmp_path / "models").iterdir()
    (folder / "config.json").write_text('{"_class_name": "Something"}')
    done = gcodec(endpoint, tmp_path, "models", "--check")
    assert done.returncode == 9
    assert "fetch it again" in done.stderr and len(done.stderr.splitlines()) == 1


def test_an_unknown_repository_and_no_network_are_one_line(endpoint: str, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    for hub in (endpoint, nowhere):
        done = gcodec(hub, tmp_path, "models", "--fetch", "acme/none")
        assert done.returncode == 9, done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "models").exists()
