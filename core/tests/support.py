"""What the tests of the core share: plugins installed for one test, the command in a process of its own, pictures."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from gcodec.plugin import Spec
from gcodec.registry import Plugin, Registry

HERE = Path(__file__).resolve().parent


def install(
    folder: Path,
    distribution: str,
    modules: Mapping[str, str],
    *,
    points: Mapping[str, str] | None = None,
    version: str = "1.0",
) -> list[EntryPoint]:
    """Lay a distribution out in `folder` as an installer does, and return its entry points.

    modules: name -> source text. points: entry point -> module; by default one for each module.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source, "utf-8")
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", "utf-8"
    )
    lines = [f"{point} = {module}" for point, module in (points or {m: m for m in modules}).items()]
    (info / "entry_points.txt").write_text("\n".join(["[gcodec]", *lines, ""]), "utf-8")
    return entry_points_below(folder)


def install_test_plugin(folder: Path) -> list[EntryPoint]:
    """Install the embeddings and reconstructors of `sample_codecs` as a distribution."""
    return install(folder, "gcodec-under-test", {}, points={"under-test": "sample_plugin"})


def entry_points_below(*folders: Path) -> list[EntryPoint]:
    """Return the entry points of the group gcodec in these folders' distributions."""
    return [
        point
        for found in distributions(path=[str(folder) for folder in folders])
        for point in found.entry_points
        if point.group == "gcodec"
    ]


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Put folders on sys.path, and forget afterwards what was imported from them."""
    before = set(sys.modules)
    sys.path[:0] = [str(folder) for folder in folders]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for folder in folders:
            sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if any(Path(file).is_relative_to(folder) for folder in folders):
                del sys.modules[name]


def environment(*folders: Path, **more: str) -> dict[str, str]:
    """Return the environment of a process that finds the distributions in `folders` beside the installed ones."""
    paths = [str(HERE), *map(str, folders), os.environ.get("PYTHONPATH", "")]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GCODEC_")}
    return {**clean, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **more}


def command(words: Sequence[object]) -> list[str]:
    """Return the command line of ``gcodec`` in this interpreter."""
    return [sys.executable, "-m", "gcodec", *map(str, words)]


def gcodec(
    *words: object,
    site: Sequence[Path] = (),
    cwd: Path | None = None,
    stdin: bytes | None = None,
    file_limit: int | None = None,
    **more: str,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``gcodec`` in a process of its own.

    site: folders with further distributions. file_limit: bytes after which writing to a file fails, as on a full disk.
    """

    def limit() -> None:
        import resource

        assert file_limit is not None
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    return subprocess.run(
        command(words),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        cwd=cwd,
        env=environment(*site, **more),
        preexec_fn=None if file_limit is None else limit,
        timeout=120,
        check=False,
    )


def fails(done: subprocess.CompletedProcess[bytes], status: int, *parts: str) -> str:
    """Assert that a command ended with `status` and said one line, with all `parts`, and return the line."""
    text = done.stderr.decode()
    assert done.returncode == status, f"status {done.returncode}: {text}"
    assert "Traceback" not in text
    lines = text.splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("gcodec: ")
    for part in parts:
        assert part in lines[0], f"{part!r} is not in {lines[0]!r}"
    return lines[0]


def succeeds(done: subprocess.CompletedProcess[bytes]) -> str:
    """Assert that a command ended well and return what it printed."""
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape")


def listing(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too, with its contents."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def psnr(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the peak signal-to-noise ratio of arrays in [0, 1], in dB."""
    return float(-10 * np.log10(np.mean((a - b) ** 2, dtype=np.float64) + 1e-12))


def registry_of(*specs: Spec) -> Registry:
    """Return the registry of an installation with one plugin that offers these."""
    return Registry((Plugin("under-test", "gcodec-under-test", "1.0", specs),))


def run_suites(kit: Path, tmp_path: Path, *words: str, here: Path = HERE) -> Mapping[str, str]:
    """Run tests where `kit` is installed; return what each said: "" where it passed, "skipped" where it was skipped."""
    report = tmp_path / "report.xml"
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "--rootdir",
                tmp_path,
            ),
            *(f"--junitxml={report}", "-o", "junit_family=xunit1", *words),
        ],
        cwd=tmp_path,
        # Some of the methods under test leave things at home.
        env=environment(
            kit,
            here,
            HOME=str(tmp_path),
            TMPDIR=str(tmp_path),
            GCODEC_MODELS=os.pathsep.join(map(str, sorted(kit.glob("models/*")))),
        ),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.attrib['classname'].rpartition('.')[2]}::{case.attrib['name']}"
        bad = [e for kind in ("failure", "error") for e in case.findall(kind)]
        found[name] = f"{bad[0].attrib['message']}\n{bad[0].text}" if bad else ""
        if case.find("skipped") is not None:
            found[name] = "skipped"
    return found


def lay(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files with these contents below a folder, and return it."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
