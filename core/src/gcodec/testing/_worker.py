"""The fresh process: reads tasks from standard input, writes the answers to the file that they name.

It knows files and names of plugins, nothing of the process that started it.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gcodec.errors import PayloadError
from gcodec.pipeline.stage1 import Part, open_stage1
from gcodec.run import Run
from gcodec.testing._damage import Case, cases
from gcodec.testing._signals import check_signals, flatten
from gcodec.testing._sources import reconstruct, signals_of

#: Bytes of address space that all damaged cases together may add to what a sound decode has taken.
_MEMORY = 2 << 30

#: Failures after which further cases would say nothing new.
_ENOUGH = 8


def _decode(file: str, out: str) -> str:
    """Save the signals of a file; return the digest of its symbols."""
    stage1 = open_stage1(Path(file).read_bytes())
    np.savez(out, **flatten(stage1.signals()))
    return stage1.symbol_digest().hex()


def _reconstruct(
    source: str, file: str | None, reconstructor: str, options: dict[str, Any], seed: int, out: str
) -> None:
    """Save the picture that a reconstructor makes."""
    data = Path(file).read_bytes() if file else None
    signals, size = signals_of(source, data)
    np.save(out, reconstruct(reconstructor, signals, size, options, Run(seed=seed)))


def _damage(file: str) -> list[str]:
    """Decode every damaged variant of a file; return what went wrong in those that did not end as they should."""
    stage1 = open_stage1(Path(file).read_bytes())
    stage1.signals()
    _limit_memory()
    failures: list[str] = []
    for case in cases(stage1.main.layers, stage1.file.header.size):
        # The last one stands here if the process is killed.
        print(case.label, file=sys.stderr, flush=True)
        try:
            _survive(stage1.main, case)
        except Exception:
            failures.append(f"{case.label}\n{traceback.format_exc(limit=-4)}")
        if len(failures) == _ENOUGH:
            break
    return failures


def _survive(part: Part, case: Case) -> None:
    """Raise unless decoding a case ends in PayloadError or in signals as the spec promises them."""
    try:
        signals = part.embedding.decode(case.layers, case.size)
    except PayloadError:
        pass
    else:
        check_signals(signals, case.size, part.spec.contents)
    try:
        symbols = part.embedding.symbols(case.layers, case.size)
    except PayloadError:
        pass
    else:
        assert isinstance(symbols, bytes), f"symbols returned {type(symbols).__name__}"


def _limit_memory() -> None:
    """Let allocations fail, where the platform can, before they bring the machine down."""
    if sys.platform != "linux":
        return
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = used + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (min(wanted, hard) if hard > 0 else wanted, hard))


_TASKS: dict[str, Callable[..., Any]] = {
    "decode": _decode,
    "reconstruct": _reconstruct,
    "damage": _damage,
}


def main() -> None:
    """Do all tasks of standard input."""
    order = json.load(sys.stdin)
    answers = [_TASKS[task.pop("do")](**task) for task in order["tasks"]]
    Path(order["result"]).write_text(json.dumps(answers), "utf-8")


if __name__ == "__main__":
    main()
