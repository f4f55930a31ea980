"""Fetching from a hub: a small server on this machine speaks the hub's protocol."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save


def weights(*values: float) -> bytes:
    return save({"w": np.array(values, np.float32)})


def as_json(**value: object) -> bytes:
    return json.dumps(value).encode()


_TINY = {
    "config.json": b'{"_class_name": "Nothing"}',
    "diffusion_pytorch_model.safetensors": weights(1, 2, 3),
    "merges.txt": b"#version: 0.2\n",
    "evil.py": b"raise SystemExit('a fetched file was executed')",
    "weights.bin": b"a pickle",
    "logs/config.json": b"{}",
}
#: As SDXL lies on the hub: what a folder needs, and the same in other forms.
_PIPE = {
    "model_index.json": as_json(
        _class_name="StableDiffusionXLPipeline",
        unet=["diffusers", "UNet2DConditionModel"],
        vae=["diffusers", "AutoencoderKL"],
        text_encoder=["transformers", "CLIPTextModel"],
        tokenizer=["transformers", "CLIPTokenizer"],
        scheduler=["diffusers", "EulerDiscreteScheduler"],
        safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"],
        image_encoder=[None, None],
        force_zeros_for_empty_prompt=True,
    ),
    "empty_prompt.safetensors": weights(0),
    "scheduler/scheduler_config.json": b"{}",
    "tokenizer/vocab.json": b"{}",
    "tokenizer/merges.txt": b"#version: 0.2\n",
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model-00001-of-00002.safetensors": weights(1),
    "unet/diffusion_pytorch_model-00002-of-00002.safetensors": weights(2),
    "unet/diffusion_pytorch_model.safetensors.index.json": b"{}",
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.safetensors": weights(3),
    "text_encoder/config.json": b"{}",
    "text_encoder/model.fp16.safetensors": weights(4),
    "hyper_enc/config.json": b"{}",
    "hyper_enc/diffusion_pytorch_model.safetensors": weights(5),
}
_TOO_MUCH = {
    "README.md": b"a card",
    "sd_xl_base_1.0.safetensors": weights(6),
    "unet/diffusion_pytorch_model.fp16.safetensors": weights(7),
    "unet/diffusion_pytorch_model.non_ema.safetensors": weights(8),
    "unet/openvino_model.bin": b"",
    "vae/diffusion_pytorch_model.fp16.safetensors": weights(9),
    "vae/diffusion_pytorch_model.bin": b"a pickle",
    "vae_1_0/config.json": b"{}",
    "vae_1_0/diffusion_pytorch_model.safetensors": weights(10),
    "text_encoder/model.ema.safetensors": weights(11),
    "text_encoder/pytorch_model.bin.index.json": b"{}",
    "safety_checker/config.json": b"{}",
    "safety_checker/model.safetensors": weights(12),
}
_INDEX = as_json(unet=["diffusers", "UNet2DConditionModel"])
#: Repositories by name, each by revision.
_HUB: Mapping[str, Mapping[str, Mapping[str, bytes]]] = {
    "acme/tiny": {"main": _TINY, "v2": _TINY | {"config.json": b'{"_class_name": "More"}'}},
    "acme/pipe": {"main": _PIPE | _TOO_MUCH},
    "acme/pickles": {
        "main": {
            "model_index.json": _INDEX,
            "unet/config.json": b"{}",
            "unet/diffusion_pytorch_model.bin": b"a pickle",
            "other.safetensors": weights(1),
        },
        "refs/pr/3": {
            "model_index.json": _INDEX,
            "unet/config.json": b"{}",
            "unet/diffusion_pytorch_model.safetensors": weights(1),
        },
    },
    "acme/one-file": {"main": {"model.safetensors": weights(1)}},
    "acme/no-object": {"main": {"model_index.json": b"[]", "unet/a.safetensors": weights(1)}},
    "acme/no-json": {"main": {"model_index.json": b"{", "unet/a.safetensors": weights(1)}},
}


def commit(repository: str, revision: str) -> str:
    return hashlib.sha1(f"{repository} {revision}".encode()).hexdigest()


class Hub(ThreadingHTTPServer):
    """`given` are the files that were asked for in whole; those in `broken` are not to be had."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.given: list[str] = []
        self.broken: set[str] = set()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0].replace("%2F", "/").strip("/")
        path = path.removeprefix("api/models/")
        for repository, revisions in _HUB.items():
            if not path.startswith(repository):
                continue
            for revision, files in revisions.items():
                sha = commit(repository, revision)
                rest = path.removeprefix(f"{repository}/")
                if rest in (repository, f"revision/{revision}", f"revision/{sha}"):
                    if rest != repository or revision == "main":
                        return self._json(body, id=repository, sha=sha, siblings=_siblings(files))
                elif rest == f"tree/{sha}":
                    return self._send(json.dumps(_tree(files)).encode(), body, sha)
                elif rest.startswith(f"resolve/{sha}/"):
                    name = rest.removeprefix(f"resolve/{sha}/")
                    if name in self.server.broken and body:
                        return self._send(b"", body, status=500)
                    if body:
                        self.server.given.append(name)
                    return self._send(files[name], body, sha)
            return self._send(b"{}", body, status=404, error="RevisionNotFound")
        return self._send(b"{}", body, status=404, error="RepoNotFound")

    def _json(self, body: bool, **value: object) -> None:
        self._send(json.dumps(value).encode(), body)

    def _send(
        self, data: bytes, body: bool, sha: str = "", *, status: int = 200, error: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", sha)
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _siblings(files: Mapping[str, bytes]) -> list[dict[str, object]]:
    return [{"rfilename": name, "size": len(data)} for name, data in files.items()]


def _tree(files: Mapping[str, bytes]) -> list[dict[str, object]]:
    return [
        {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
        for name, data in files.items()
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with Hub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def hub(server: Hub) -> Hub:
    server.given.clear()
    server.broken.clear()
    return server


def surroundings(endpoint: str, cache: Path) -> dict[str, str]:
    """A hub and a cache of one's own."""
    return {
        "HF_ENDPOINT": endpoint,
        "GCODEC_CACHE": str(cache),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(cache / "hf"),
    }


def python(endpoint: str, cache: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: huggingface_hub takes note of its endpoint once and for all."""
    environment = {**os.environ, **surroundings(endpoint, cache)}
    return subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )


def gcodec(endpoint: str, cache: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return python(endpoint, cache, "-m", "gcodec", *words)


def models(cache: Path) -> list[Path]:
    return sorted((cache / "models").iterdir())


def files_in(folder: Path) -> list[str]:
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())


def test_a_fetched_model_is_listed_and_only_safe_files_are_taken(hub: Hub, tmp_path: Path) -> None:
    done = gcodec(hub.endpoint, tmp_path, "models", "--fetch", "acme/tiny")
    assert (done.returncode, done.stderr) == (0, "")
    (folder,) = models(tmp_path)
    wanted = ["config.json", "diffusion_pytorch_model.safetensors", "merges.txt"]
    assert files_in(folder) == wanted == sorted(hub.given)
    listed = json.loads(gcodec(hub.endpoint, tmp_path, "models", "--json").stdout)
    (model,) = [m for m in listed if m["name"] == "acme/tiny"]
    assert folder.name.endswith(model["digest"])


def test_of_a_pipeline_what_its_folders_need_and_no_second_form_of_it(
    hub: Hub, tmp_path: Path
) -> None:
    done = gcodec(hub.endpoint, tmp_path, "models", "--fetch", "acme/pipe")
    assert done.returncode == 0, done.stderr
    (folder,) = models(tmp_path)
    assert files_in(folder) == sorted(_PIPE)
    assert not set(hub.given) & set(_TOO_MUCH)
    for name, data in _PIPE.items():
        assert (folder / name).read_bytes() == data


def test_a_fetched_model_that_was_changed_is_refused(hub: Hub, tmp_path: Path) -> None:
    assert gcodec(hub.endpoint, tmp_path, "models", "--fetch", "acme/tiny").returncode == 0
    (folder,) = models(tmp_path)
    (folder / "config.json").write_text('{"_class_name": "Something"}')
    done = gcodec(hub.endpoint, tmp_path, "models", "--check")
    assert done.returncode == 9
    assert "fetch it again" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_an_interrupted_download_left_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    late = "vae/diffusion_pytorch_model.safetensors"
    hub.broken.add(late)
    done = gcodec(hub.endpoint, tmp_path, "models", "--fetch", "acme/pipe")
    assert done.returncode == 9
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "models").exists()
    before = set(hub.given)
    assert "unet/config.json" in before
    hub.broken.clear()
    hub.given.clear()
    # Beside files that nobody asked for.
    (stopped,) = (tmp_path / "partial").iterdir()
    (stopped / "vae" / "stray.safetensors").write_bytes(weights(13))
    done = gcodec(hub.endpoint, tmp_path, "models", "--fetch", "acme/pipe")
    assert done.returncode == 0, done.stderr
    assert late in hub.given
    assert not before & set(hub.given)
    (folder,) = models(tmp_path)
    assert files_in(folder) == sorted(_PIPE)
    assert not list((tmp_path / "partial").iterdir())


def test_of_several_revisions_a_name_means_the_one_fetched_last(hub: Hub, tmp_path: Path) -> None:
    script = """
from gcodec.models.hub import fetch
from gcodec.models import ModelStore
first, second = fetch("acme/tiny"), fetch("acme/tiny", "v2")
assert first.digest != second.digest
assert (first.class_name, second.class_name) == ("Nothing", "More")
store = ModelStore()
assert store.find("acme/tiny") == second
assert store.find(first.digest) == first
from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars
assert not are_progress_bars_disabled()  # as before: they were hidden meanwhile
disable_progress_bars()
fetch("acme/tiny", "main")
assert are_progress_bars_disabled()
assert store.find("acme/tiny") == first
"""
    done = python(hub.endpoint, tmp_path, "-c", script)
    assert done.returncode == 0, done.stderr


def test_progress_counts_the_bytes_that_come(hub: Hub, tmp_path: Path) -> None:
    script = """
import json
from gcodec.models.hub import fetch
seen = []
fetch("acme/pipe", progress=lambda *told: seen.append(told))
print(json.dumps(seen))
"""
    done = python(hub.endpoint, tmp_path, "-c", script)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    total = sum(map(len, _PIPE.values()))
    assert seen[-1] == ["fetch", total, total]
    assert all(what == "fetch" and 0 <= come <= total == all_ for what, come, all_ in seen)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["acme/none"], "the hub does not give it.*acme/none"),
        (["acme/tiny", "--revision", "v9"], "the hub does not give it.*v9"),
        (["not a name"], "the hub does not give it"),
        (["acme/pickles"], "weights in unet.*--revision refs/pr/N"),
        (["acme/one-file"], r"neither model_index\.json nor config\.json"),
        (["acme/no-object"], r"model_index\.json does not hold an object"),
        (["acme/no-json"], r"model_index\.json cannot be read"),
    ],
)
def test_what_cannot_be_had_is_one_line(
    hub: Hub, tmp_path: Path, words: list[str], message: str
) -> None:
    done = gcodec(hub.endpoint, tmp_path, "models", "--fetch", *words)
    assert done.returncode == 9
    assert re.search(message, done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "models").exists()


def test_a_revision_may_have_what_the_main_branch_lacks(hub: Hub, tmp_path: Path) -> None:
    words = ("models", "--fetch", "acme/pickles", "--revision", "refs/pr/3")
    done = gcodec(hub.endpoint, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    (folder,) = models(tmp_path)
    assert "unet/diffusion_pytorch_model.safetensors" in files_in(folder)


def test_no_network_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    done = gcodec(nowhere, tmp_path, "models", "--fetch", "acme/tiny")
    assert done.returncode == 9, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "models").exists()


def test_a_revision_of_nothing_is_refused(tmp_path: Path) -> None:
    done = gcodec("http://127.0.0.1:9", tmp_path, "models", "--revision", "main")
    assert done.returncode == 2
    assert "--fetch" in done.stderr
