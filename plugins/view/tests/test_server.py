"""What the server gives, and to whom. The page itself is not needed for that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Answer
from serving import ask as asked

from gcodec_view._server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "photo.gcx").write_bytes(b"a picture")
    (tmp_path / "secret").write_text("not served")
    parts = {
        "index.html": b"<p>",
        "worker.mjs": b"1",
        "runtime.wasm": b"\0asm",
        "files/0/a b.gcx": tmp_path / "photo.gcx",
    }
    with Server(parts) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()


def ask(server: Server, path: str, method: str = "GET", **said: str) -> Answer:
    return asked(server, method, path, **said)


def test_it_gives_its_parts_with_their_types(server: Server) -> None:
    for name, kind, data in [
        ("", "text/html; charset=utf-8", b"<p>"),
        ("index.html?src=files/0/a%20b.gcx", "text/html; charset=utf-8", b"<p>"),
        ("worker.mjs", "text/javascript; charset=utf-8", b"1"),
        ("runtime.wasm", "application/wasm", b"\0asm"),
        ("files/0/a%20b.gcx", "image/x-gcx", b"a picture"),
    ]:
        answer = ask(server, f"/{server.token}/{name}")
        assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, kind, data)


def test_the_page_is_isolated_from_other_origins(server: Server) -> None:
    headers = ask(server, f"/{server.token}/").headers
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_head_has_no_body(server: Server) -> None:
    answer = ask(server, f"/{server.token}/worker.mjs", "HEAD")
    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "1", b"")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/index.html",
        "/TOKEN",
        "/wrong/",
        "/wrong/index.html",
        "/TOKEN/secret",
        "/TOKEN/../secret",
        "/TOKEN/files/0/../../secret",
        "/TOKEN/%2e%2e/secret",
        "/TOKEN//etc/passwd",
        "/TOKEN/files/0/",
        "x://[x/TOKEN/",
    ],
)
def test_nothing_else_is_given(server: Server, path: str) -> None:
    answer = ask(server, path.replace("TOKEN", server.token))
    assert (answer.status, answer.body) == (404, b"not found\n")


def test_another_name_for_this_machine_is_refused(server: Server) -> None:
    """A page elsewhere whose name was made to lead to 127.0.0.1 knows no token, and would not get in with one."""
    assert ask(server, f"/{server.token}/", Host="evil.example").status == 404


def test_nothing_is_taken(server: Server) -> None:
    assert ask(server, f"/{server.token}/", "POST").status == 501


def test_it_listens_on_this_machine_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_a_file_that_is_gone_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "photo.gcx").unlink()
    answer = ask(server, f"/{server.token}/files/0/a%20b.gcx")
    assert (answer.status, answer.body) == (410, b"No such file or directory\n")
