"""Try what `make dist` made, as somebody who has no checkout: `python tools/try_dist.py dist [arguments of pip]`.

Looks into every wheel, builds every sdist and compares the two, then installs the wheels in fresh environments, with torch
and without, and runs the README's commands. A process there that opens a file of the checkout, or a module of it, fails.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: Files without which a wheel is useless, beyond those that the repository holds: `make page` builds them.
DATA = {
    "gcodec-view": [
        "gcodec_view/page/index.html",
        "gcodec_view/page/ort-wasm-simd-threaded.wasm",
        "gcodec_view/page/one-file/worker.js",
        "gcodec_view/page/serve/serve.mjs",
    ],
}

BOTH = """
gcodec --version
gcodec plugins
gcodec matrix
gcodec models
gcodec encode photo.png --embed ntc --bytes 9000
gcodec info photo.gcx
gcodec info photo.gcx --json
gcodec verify photo.gcx
gcodec decode photo.gcx --recon bridge -o bridge.png
gcodec mix --embed ntc,webp --recon preview,flow --bpp 0.3 photo.png -o mixed
"""
FULL = """
gcodec decode photo.gcx --recon flow --steps 2 -o flow.png
gcodec decode photo.gcx --recon flow --steps 2 --realism 0.5 -o half.png
gcodec view photo.gcx --write page.html
gcodec encode photo.png --embed diffc --bpp 0.1 -o noisy.gcx
gcodec decode noisy.gcx --max-bytes 1000 --recon mse -o early.png
gcodec eval photos --embed webp --recon preview -o measured
gcodec batch encode photos coded --embed ntc
gcodec batch decode coded decoded
gcodec new-plugin acme/wavelet
gcodec doctor
"""

#: Imported by every process of an environment, through a .pth file.
GUARD = """
import os, sys
def _guard(event, arguments, root={root!r}):
    if event in ("open", "os.listdir", "os.scandir", "ctypes.dlopen") and arguments:
        path = arguments[0]
        if isinstance(path, (str, bytes)) and os.path.abspath(os.fsdecode(path)).startswith(root):
            os.write(2, ("read from the checkout: " + os.fsdecode(path) + "\\n").encode())
            os._exit(99)
sys.addaudithook(_guard)
"""


def run(*command: object, at: Path, environment: dict[str, str] | None = None) -> str:
    """Run a command and return what it printed. RuntimeError, with that, if it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=at,
        env={**kept, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        words = " ".join(str(part) for part in command)
        raise RuntimeError(f"status {done.returncode} of: {words}\n{done.stdout[-4000:]}")
    return done.stdout


def contents(wheel: Path) -> dict[str, str]:
    """Return the digest of every file of a wheel, but for the list of them, which has them too."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if not name.endswith("/RECORD")
        }


def check(wheel: Path, folder: Path) -> None:
    """Refuse a wheel that lacks something or has too much. `folder` is where it was built."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    files = set(contents(wheel))
    information = f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{information}/METADATA").decode()
    (package,) = (path.parent.name for path in folder.glob("src/*/__init__.py"))
    tracked = run("git", "ls-files", "src", at=folder).split()
    wanted = {
        f"{information}/licenses/LICENSE",
        f"{package}/py.typed",
        *DATA.get(project["name"], []),
        *(path.removeprefix("src/") for path in tracked),
    }
    problems = [f"lacks {name}" for name in sorted(wanted - files)]
    for name in sorted(files - wanted):
        if not name.startswith((f"{information}/", "gcodec_view/page/")):
            problems.append(f"has {name}")
    if re.search(r"^(Home-page|Download-URL|Requires-Dist:.*@)", metadata, re.MULTILINE):
        problems.append("metadata leads to an address")
    if problems:
        raise RuntimeError(f"{wheel.name}: {'; '.join(problems)}")


def environment(at: Path, requirements: list[str], constraints: Path, pip: list[str]) -> Path:
    """Make a virtual environment with `requirements` and the guard; return its folder of programs."""
    venv.create(at, with_pip=True)
    python = at / "bin" / "python"
    both = ["-c", ROOT / "constraints.txt", "-c", constraints]
    run(python, "-m", "pip", "install", "--quiet", *pip, *both, *requirements, at=at)
    where = Path(
        run(python, "-c", "import sysconfig as s; print(s.get_path('purelib'))", at=at).strip()
    )
    (where / "guard_of_checkout.py").write_text(GUARD.format(root=f"{ROOT}{os.sep}"))
    (where / "guard_of_checkout.pth").write_text("import guard_of_checkout\n")
    return at / "bin"


def commands(text: str, programs: Path, at: Path, photograph: Path) -> None:
    """Run each line of `text` in a new folder `at` that holds the photograph."""
    (at / "photos").mkdir(parents=True)
    for place in (at / "photo.png", at / "photos" / "one.png"):
        place.write_bytes(photograph.read_bytes())
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(at)}
    for line in filter(None, text.splitlines()):
        print(f"  $ {line}", flush=True)
        printed = run(*line.split(), at=at, environment=path)
        if line == "gcodec plugins" and re.search("^(broken|refused): ", printed, re.MULTILINE):
            raise RuntimeError(printed)


def main(made: Path, pip: list[str]) -> None:
    wheels, extras = {}, {}
    for place in run("make", "-s", "distributions", at=ROOT).split():
        path, bracket, extra = place.partition("[")
        folder = ROOT / path
        name = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]["name"]
        (wheels[name],) = made.glob(f"{name.replace('-', '_')}-*.whl")
        extras[name] = f"{bracket}{extra}"
        check(wheels[name], folder)
    print(f"{len(wheels)} wheels hold what they should and nothing else")
    with tempfile.TemporaryDirectory() as holder:
        work = Path(holder).resolve()
        photograph = work / "kodim23.png"
        photograph.write_bytes((ROOT / "tests" / "images" / "kodim23.png").read_bytes())

        builder = work / "builder"
        venv.create(builder, with_pip=True)
        python = builder / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", *pip, "hatchling>=1.27", at=work)
        options = (
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--no-cache-dir",
            "-w",
            work / "again",
        )
        run(python, "-m", "pip", "wheel", *options, *sorted(made.glob("*.tar.gz")), at=work)
        for wheel in wheels.values():
            again = contents(work / "again" / wheel.name)
            if again != contents(wheel):
                differ = sorted(name for name, _ in again.items() ^ contents(wheel).items())
                raise RuntimeError(f"{wheel.name} is not what its sdist gives: {differ}")
        print(f"{len(wheels)} sdists give the same wheels")

        # By name and address at once, so that no package of the same name elsewhere can stand in for one of ours.
        ours = work / "ours.txt"
        ours.write_text("".join(f"{name} @ {wheel.as_uri()}\n" for name, wheel in wheels.items()))
        print("gcodec[light]: without torch")
        programs = environment(
            work / "light", [f"gcodec[light] @ {wheels['gcodec'].as_uri()}"], ours, pip
        )
        listed = json.loads(
            run(programs / "python", "-m", "pip", "list", "--format", "json", at=work)
        )
        if "torch" in {each["name"] for each in listed}:
            raise RuntimeError("gcodec[light] brought torch")
        commands(BOTH, programs, work / "lightly", photograph)

        print("every distribution, with torch")
        everything = [f"{name}{extras[name]} @ {wheel.as_uri()}" for name, wheel in wheels.items()]
        programs = environment(work / "full", everything, ours, pip)
        run(programs / "python", "-m", "pip", "check", at=work)
        commands(BOTH + FULL, programs, work / "fully", photograph)

        (package,) = made.glob("gcodec-formats-*.tgz")
        offline = ("--silent", "--offline", "--no-audit", "--no-fund")
        run("npm", "install", *offline, "--prefix", work / "npm", package.resolve(), at=work)
        reader = work / "npm" / "node_modules" / ".bin" / "gcodec-formats"
        run(reader, "info", work / "fully" / "photo.gcx", at=work)
        print("the npm package reads the file")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).resolve(), sys.argv[2:])
    except RuntimeError as error:
        sys.exit(str(error))
