"""Who may ask `gcodec serve` for a job, and how much may be sent for it. No job is done here."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from serving import ask, headers, heard, post, say, serving, task

from gcodec_view import _server
from gcodec_view.serving import handler
from gcodec_view.serving.frames import Frame
from gcodec_view.serving.handler import JobServer

HEAD = "POST /TOKEN/job HTTP/1.1\nHost: HOST\nOrigin: http://HOST\nContent-Type: application/octet-stream\n"


@pytest.fixture
def done() -> list[bytes]:
    """The tasks that reached the place where they would be done."""
    return []


@pytest.fixture
def server(done: list[bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[JobServer]:
    with serving() as made:

        def do(given: bytes, send: object, gone: object) -> None:
            done.append(given)
            send(Frame({"is": "made"}))  # type: ignore[operator]

        monkeypatch.setattr(made.jobs, "do", do)
        yield made


def test_its_own_page_may_ask(server: JobServer, done: list[bytes]) -> None:
    body = task(b"a picture")
    answer = post(server, body)
    assert (answer.status, answer.last, done) == (200, {"is": "made"}, [body])


@pytest.mark.parametrize(
    ("path", "changed", "status"),
    [
        ("/job", {}, 404),  # no token
        ("/wrong/job", {}, 404),
        ("/TOKEN", {}, 404),
        ("/TOKEN/job", {"Host": "evil.example"}, 404),  # a name that was made to lead here
        ("/TOKEN/job", {"Host": "localhost:80"}, 404),
        ("/TOKEN/job", {"Origin": None}, 403),
        ("/TOKEN/job", {"Origin": "null"}, 403),
        ("/TOKEN/job", {"Origin": "http://evil.example"}, 403),
        ("/TOKEN/job", {"Origin": "http://127.0.0.1"}, 403),  # another server of this machine
        ("/TOKEN/", {}, 405),
        ("/TOKEN/index.html", {}, 405),
        ("/TOKEN/../job", {}, 405),
        ("/TOKEN/%2e%2e/%2e%2e/etc/passwd", {}, 405),
        ("/TOKEN//etc/passwd", {}, 405),
        ("/TOKEN/job/../../x", {}, 405),
        # What a form of another page can send without being asked whether it may.
        ("/TOKEN/job", {"Content_Type": "multipart/form-data; boundary=x"}, 415),
        ("/TOKEN/job", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ("/TOKEN/job", {"Content_Type": "text/plain"}, 415),
        ("/TOKEN/job", {"Content_Type": None}, 415),
    ],
)
def test_nobody_else_may(
    server: JobServer, done: list[bytes], path: str, changed: dict[str, str | None], status: int
) -> None:
    said = headers(server, **changed)
    answer = ask(server, "POST", path.replace("TOKEN", server.token), task(b"x"), **said)
    assert (answer.status, done) == (status, [])
    assert server.token.encode() not in answer.body
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"])
def test_there_is_no_other_way_in(server: JobServer, done: list[bytes], method: str) -> None:
    """The question of a browser whether another page may ask, among them."""
    said = {
        **headers(server, Origin="http://evil.example"),
        "Access-Control-Request-Method": "POST",
    }
    answer = ask(server, method, f"/{server.token}/job", **said)
    assert (answer.status, done) == (501, [])
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("", 411),
        ("Transfer-Encoding: chunked\n", 411),
        ("Content-Length: -1\n", 411),
        ("Content-Length: +5\n", 411),
        ("Content-Length: five\n", 411),
        ("Content-Length: 5\nContent-Length: 6\n", 411),
        ("Content-Length: 99999999999\n", 413),
        (f"Content-Length: {'9' * 5000}\n", 413),
        ("Content-Length: 5\nHost: evil.example\n", 404),
        ("Content-Length: 5\nOrigin: http://evil.example\n", 403),
    ],
)
def test_a_length_is_said_once_and_is_no_more_than_pixels_take(
    server: JobServer, done: list[bytes], lines: str, status: int
) -> None:
    began = time.monotonic()
    answer = heard(say(server, f"{HEAD}{lines}\n12345"))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) and done == []
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "text",
    [
        "\0\1\2\n\n",
        "POST\n\n",
        "GET / HTTP/9.9\n\n",
        f"GET /{'a' * 70000} HTTP/1.1\n\n",
        HEAD + "x: y\n" * 200 + "\n",
    ],
    ids=["zeros", "word", "version", "long", "many"],
)
def test_what_is_no_request_ends_the_connection(
    server: JobServer, done: list[bytes], text: str
) -> None:
    answer = heard(say(server, text))
    assert b" 200 " not in answer[:20] and b"Traceback" not in answer and done == []
    assert post(server, task(b"x")).status == 200


def test_a_body_that_is_cut_short_is_no_task(server: JobServer, done: list[bytes]) -> None:
    connection = say(server, f"{HEAD}Content-Length: 100\n\n12345")
    connection.shutdown(socket.SHUT_WR)
    assert heard(connection) == b"" and done == []
    assert post(server, task(b"x")).status == 200


def test_a_slow_body_is_not_waited_for(
    server: JobServer, done: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little each wait is for; and its place is free again."""
    monkeypatch.setattr(handler, "_SENDING", 0.5)
    slow = [say(server, f"{HEAD}Content-Length: 100\n\n") for _ in range(2)]
    began = time.monotonic()
    for _ in range(4):
        for connection in slow:
            connection.sendall(b"x")
        time.sleep(0.1)
    assert post(server, task(b"x")).status == 503
    assert all(heard(connection).startswith(b"HTTP/1.1 408 ") for connection in slow)
    assert time.monotonic() - began < 5 and done == []
    assert post(server, task(b"x")).status == 200


def test_slow_headers_are_not_waited_for(
    server: JobServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_server, "_PATIENCE", 0.5)
    slow = say(server, "GET /TOKEN/ HT")
    began = time.monotonic()
    try:
        while time.monotonic() < began + 10:
            slow.sendall(b"x")
            time.sleep(0.1)
    except OSError:  # it was closed
        pass
    slow.close()
    assert 0.3 < time.monotonic() - began < 5


def test_so_many_connections_and_no_more(
    server: JobServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [say(server, "GET") for _ in range(_server._CONNECTIONS)]
    time.sleep(0.2)
    assert heard(say(server, "GET /TOKEN/ HTTP/1.1\nHost: HOST\n\n")) == b""
    for connection in held:
        connection.close()
    time.sleep(0.2)
    assert ask(server, "GET", f"/{server.token}/").status == 200
