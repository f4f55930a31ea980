"""Which suites apply to what an installed distribution offers, and what each of their tests found.

Every spec is tested in a process of its own, in a room of its own, so that one that ends its process, or never ends, costs
its own tests alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from gcodec._claims import normal
from gcodec.errors import GcodecError, UnknownPlugin
from gcodec.models import ModelStore
from gcodec.pipeline.binding import bind, ways
from gcodec.pipeline.receiver import absolute, room
from gcodec.plugin import (
    REALISM,
    AdapterSpec,
    EmbeddingSpec,
    ModelSpec,
    NetworkSpec,
    ReconstructorSpec,
    Spec,
)
from gcodec.registry import GROUP, Plugin, kind_of, load_object, registry
from gcodec.testing import HOMES
from gcodec.testing._processes import run_python
from gcodec.testing._sources import sources_for

__all__ = ["Check", "Row", "checks_of", "flaws_of", "run"]

#: Kind of a network -> its suite.
_NETWORKS = {
    "space": "LatentSpaceConformance",
    "denoiser": "DenoiserConformance",
    "codebook": "CodebookConformance",
}

#: Kind of spec -> why there is nothing to run.
_UNTRIED = {
    "trainer": "needs a recipe: subclass gcodec_train.testing.TrainerConformance",
}

#: Seconds that an honest light module may take to be imported by a process that has imported it before.
_SLOW = 0.1


@dataclass(frozen=True)
class Row:
    """What came of one test of one spec; `outcome` is "passed", "failed" or "skipped", `detail` one line why."""

    kind: str
    name: str
    test: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True)
class Check:
    """A suite to run: its name in `gcodec.testing`, and the class attributes that it needs."""

    kind: str
    name: str
    suite: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tests(self) -> int:
        """How many tests the suite has, those of several cases counted once."""
        import gcodec.testing

        return sum(name.startswith("test_") for name in dir(getattr(gcodec.testing, self.suite)))


def flaws_of(distribution: str) -> list[Row]:
    """Return what loading the plugins of a distribution has shown. Raises UnknownPlugin where there are none."""
    plugins = _plugins(distribution)
    if not plugins:
        raise UnknownPlugin("distribution with plugins", distribution)
    rows = []
    for plugin in plugins:
        outcome, detail = "passed", ""
        if plugin.disabled:
            outcome, detail = "skipped", "switched off"
        elif plugin.error:
            outcome, detail = "failed", plugin.error
        elif plugin.warning and (seconds := _seconds(plugin)) > _SLOW:
            outcome, detail = (
                "failed",
                f"takes {seconds:.1f} s to import, which delays every command",
            )
        rows.append(Row("plugin", plugin.name, "load", outcome, detail))
        rows += [
            Row(kind_of(r.spec), r.spec.name, "load", "failed", r.reason) for r in plugin.refused
        ]
    return rows


def checks_of(distribution: str) -> list[Check | Row]:
    """Return for each spec of a distribution the suites that apply, or a row that says why none does."""
    found: list[Check | Row] = []
    for plugin in _plugins(distribution):
        for spec in plugin.specs:
            found += _checks(spec)
    return list({(c.kind, c.name, str(c)): c for c in found}.values())


def _checks(spec: Spec) -> Iterator[Check | Row]:
    kind = kind_of(spec)
    settings: dict[str, Any] = {"name": spec.name}
    if reason := registry().missing(spec):
        outcome = "failed" if reason.startswith("asking ") else "skipped"
        yield Row(kind, spec.name, "suite", outcome, reason)
    elif isinstance(spec, ModelSpec):
        yield _sound(kind, spec.name, "digest", lambda: ModelStore.installed().find(spec.name))
        yield from _opened_as(kind, spec.name, [spec])
    elif isinstance(spec, NetworkSpec):
        models = [m for m in registry().models.values() if _class_of(m) == spec.name]
        if spec.kind in _NETWORKS and models:
            yield from _opened_as(kind, spec.name, models)
        else:
            why = "no installed model is" if spec.kind in _NETWORKS else "there is no suite for one"
            yield Row(kind, spec.name, "suite", "skipped", f"{why} of this class ({spec.kind})")
    elif isinstance(spec, AdapterSpec):
        yield from _adapted(spec)
    elif kind == "signal":
        load = lambda: load_object(spec.name, spec.implementation)  # noqa: E731
        yield _sound(kind, spec.name, "declaration", load)
    elif isinstance(spec, EmbeddingSpec):
        # A float network behind an exact payload decodes to within a digit.
        settings["signal_tolerance"] = 1 / 255 if spec.model else 0.0
        yield Check(kind, spec.name, "EmbeddingConformance", settings)
    elif isinstance(spec, ReconstructorSpec):
        settings["deterministic"] = None if REALISM in spec.options else True
        if sources_for(spec, ()):
            settings["embeddings"] = ()  # a blurred picture will do: every pair would take hours
        yield Check(kind, spec.name, "ReconstructorConformance", settings)
    elif (suite := f"{kind.title()}Conformance") in HOMES:
        yield Check(kind, spec.name, suite, settings)
    else:
        yield Row(kind, spec.name, "suite", "skipped", _UNTRIED.get(kind, "there is no suite"))


def _adapted(spec: AdapterSpec) -> Iterator[Check | Row]:
    """Yield the suite of an adapter for each pair of types that installed models make of its own."""
    bound = [a for a in ways(registry()).adapters if a.name == spec.name]
    store = ModelStore.installed()
    senders = (bind(e, None, store).spec for e in registry().usable(EmbeddingSpec).values())
    made = {name for e in senders for name in e.makes}
    for adapter in bound:
        if adapter.source in ("preview", "text") or adapter.source in made:
            settings = {"name": spec.name, "source": adapter.source, "target": adapter.target}
            name = f"{spec.name}: {adapter.source} -> {adapter.target}"
            yield Check("adapter", name, "AdapterConformance", settings)
        else:
            why = f"no installed embedding makes {adapter.source} to try it on"
            yield Row("adapter", spec.name, "suite", "skipped", why)
    if not bound:
        why = "no installed model gives its types a meaning"
        yield Row("adapter", spec.name, "suite", "skipped", why)


def _opened_as(kind: str, name: str, models: Iterable[ModelSpec]) -> Iterator[Check]:
    """Yield the suites of networks that are models of a known class."""
    for model in models:
        network = registry().networks.get(_class_of(model) or "")
        if network is not None and network.kind in _NETWORKS:
            shown = name if kind == "model" else f"{name}: {model.name}"
            yield Check(kind, shown, _NETWORKS[network.kind], {"model": model.name})


def _class_of(model: ModelSpec) -> str | None:
    try:
        return ModelStore.installed().find(model.name).class_name
    except GcodecError:
        return None


def _sound(kind: str, name: str, test: str, act: Callable[[], object]) -> Row:
    try:
        act()
    except GcodecError as error:
        return Row(kind, name, test, "failed", str(error))
    return Row(kind, name, test, "passed")


def _plugins(distribution: str) -> list[Plugin]:
    return [p for p in registry().plugins if normal(p.distribution) == normal(distribution)]


def _seconds(plugin: Plugin) -> float:
    """Return how long a fresh process takes to import a plugin's module, the better of two."""
    code = (
        "import sys, time, importlib, gcodec.plugin; start = time.perf_counter();"
        "importlib.import_module(sys.argv[1]); print(time.perf_counter() - start)"
    )
    module = next(p.module for p in entry_points(group=GROUP) if p.name == plugin.name)
    return min(float(run_python("-c", code, module).stdout or "inf") for _ in range(2))


def run(check: Check, patience: float) -> Iterator[Row]:
    """Run a suite and yield what each of its tests found.

    patience: seconds after which a test counts as hanging.
    """
    with room() as alone:
        test = alone.folder / "test_plugin.py"
        test.write_text(
            f"from gcodec.testing import {check.suite}\n\n"
            f"class Test({check.suite}):\n"
            + "".join(f"    {name} = {value!r}\n" for name, value in check.settings.items()),
            "utf-8",
        )
        paths = [str(Path(path).absolute()) for path in sys.path if path]
        environment = {**alone.environment, "PYTHONPATH": os.pathsep.join(paths)}
        if weights := os.environ.get("GCODEC_METRICS"):
            environment["GCODEC_METRICS"] = absolute(weights)
        with (alone.folder / "said.txt").open("w+b") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "gcodec.testing._report", test.name],
                cwd=alone.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                start_new_session=True,  # so that what it started ends with it
            )
            hung = threading.Event()

            def give_up() -> None:
                hung.set()
                _end(process)

            running = "collection"
            assert process.stdout is not None
            try:
                watch = _after(patience, give_up)
                for line in process.stdout:
                    watch.cancel()
                    watch = _after(patience, give_up)
                    event = json.loads(line)
                    if "starts" in event:
                        running = event["starts"]
                    else:
                        yield Row(check.kind, check.name, **event)
                        running = ""
                watch.cancel()
                status = process.wait()
            finally:
                _end(process)
            # pytest's own statuses: all passed, some failed, nothing collected.
            if hung.is_set():
                why = f"no end within {patience:g} s; the tests after it were not run"
            elif status not in (0, 1):
                said.seek(0)
                last = said.read().decode(errors="replace").strip().splitlines()[-1:]
                why = (
                    f"its process ended with status {status}: {''.join(last) or 'it said nothing'}"
                )
            else:
                return
            yield Row(check.kind, check.name, running or "the rest", "failed", why)


def _end(process: subprocess.Popen[str]) -> None:
    """End a process, and on POSIX whatever it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _after(seconds: float, act: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer
