"""`gcodec serve`: what it refuses before anything listens, and what its page may choose."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import TASK, task

from gcodec.errors import GcodecError, UnknownOption
from gcodec.plugin import Option
from gcodec.registry import registry
from gcodec.testing import CommandConformance
from gcodec_view import _parts
from gcodec_view.serving.choices import check_offered, choices
from gcodec_view.serving.task import Task


class TestServe(CommandConformance):
    name = "serve"
    failing: ClassVar[Mapping[Sequence[str], int]] = {
        ("--port", "65536"): 2,
        ("--timeout", "0"): 2,
        ("--max-pixels", "0"): 2,
        ("--max-memory", "0.1"): 2,
        ("--device", "abacus", "--no-open"): 2,
        ("--device", "cuda:99", "--no-open"): 2,
        ("--timeout", "nan", "--no-open"): 2,
        ("--max-memory", "inf", "--no-open"): 2,
        ("--host", "0.0.0.0", "--expose"): 2,  # whatever asks for it, it would be given
        ("--host", "192.0.2.1"): 2,  # without --expose
    }


@pytest.fixture
def built() -> None:
    if not (Path(_parts.__file__).parent / "page/serve/index.html").exists():
        pytest.skip("the page is not built: make page")


def run(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gcodec", "serve", "--no-open", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.mark.usefixtures("built")
def test_the_page_and_its_choices_are_there_until_ctrl_c() -> None:
    with run("--timeout", "9", "--max-pixels", "1000", "--max-memory", "1") as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        with urlopen(address) as answer:
            page = answer.read().decode()
            assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        with urlopen(f"{address}choices.json") as answer:
            limits = json.load(answer)["limits"]
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{address}one-file/report.html")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert limits == {"pixels": 1000, "memory": 2**30, "seconds": 9, "bytes": 2**20 + 8000}
    policy = page.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.startswith("default-src 'none'; script-src 'self'; connect-src 'self';")
    assert "unsafe" not in policy and "http:" not in page and "https:" not in page
    assert (process.returncode, errors) == (0, "Ctrl-C ends it.\n")


@pytest.mark.usefixtures("built")
def test_others_reach_it_only_where_that_is_asked_for() -> None:
    """By that address alone, and with a warning."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no other address")
        own = probe.getsockname()[0]
    for words, why in (
        (("--host", own), "--expose"),
        (("--host", "192.0.2.1", "--expose"), "assign"),
    ):
        with run(*words) as process:
            _, errors = process.communicate(timeout=30)
        assert process.returncode == 2 and why in errors
    with run("--host", own, "--expose") as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        assert address.startswith(f"http://{own}:")
        with urlopen(address) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert "warning" in errors and "encrypted" in errors


def test_only_pairs_that_work_are_offered_with_their_cost() -> None:
    table = choices(registry())
    assert {one["name"] for one in table["embeddings"]} == table["pairs"].keys()
    pairs = {one["name"]: one for one in table["pairs"]["diffc"]}
    assert pairs["ode"]["cost"] == 0 and pairs["flow"]["cost"] > 0 and "by" in pairs["flow"]["path"]
    known = {one["name"] for one in table["reconstructors"]}
    assert all(one["name"] in known for row in table["pairs"].values() for one in row)


def test_a_page_reaches_for_no_folder_model_or_code() -> None:
    """Not by an option that it is offered, and not by one that it names without being offered it."""
    for one in choices(registry())["embeddings"] + choices(registry())["reconstructors"]:
        free = [o["name"] for o in one["options"] if o["type"] == "str" and not o["choices"]]
        assert free in ([], ["text"])
    for embedding, option in (("text_sketch", "captioner"), ("diffc", "channel")):
        spec = registry().embedding(embedding)
        assert option in [o.name for o in spec.options if isinstance(o, Option)]
        with pytest.raises(UnknownOption):
            check_offered(spec, {option: "x"})


@given(st.binary(max_size=80))
def test_any_bytes_are_a_task_or_refused(sent: bytes) -> None:
    with suppress(GcodecError):
        Task.read(sent).aim()


_VALUES: list[Any] = [None, True, -1, 1e308, math.nan, "", "a/b\\c\0.png", "\ud800" * 300]
_VALUES += [
    [],
    [[[]]],
    {},
    {"bpp": math.nan},
    {"bytes": "9"},
    {"quality": 2},
    {"bytes": 1, "bpp": 1},
    {"x": 1},
]


@pytest.mark.parametrize("key", [*TASK, "other"])
def test_so_is_any_table(key: str) -> None:
    for value in _VALUES:
        try:
            read = Task.read(task(b"x", **{key: value}))
            read.aim()
        except GcodecError as error:
            assert "\n" not in str(error)
        else:
            assert key != "other" and "/" not in read.name and 0 < len(read.name) <= 200
