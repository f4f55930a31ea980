"""The fresh process: reads tasks from standard input, writes arrays and answers to its working folder.

It knows the bytes of files and names of plugins, nothing of the process that started it, and its clock is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from gcodec._discovery import one_line
from gcodec.channels import Common, Gaussian
from gcodec.errors import PayloadError
from gcodec.pipeline.stage1 import Part, open_stage1
from gcodec.randomness import Randomness
from gcodec.run import Run
from gcodec.testing._clock import shift_clock
from gcodec.testing._processes import ANSWERS
from gcodec.testing._signals import flatten
from gcodec.testing._sources import reconstruct, signals_of
from gcodec.testing.damage import Case, cases

#: Bytes of address space that all damaged cases together may add to what a sound decode has taken.
_MEMORY = 2 << 30

#: Failures after which further cases would say nothing new.
_ENOUGH = 8


def _decode(data: str, out: str) -> str:
    """Save the signals of a file; return the digest of its symbols."""
    stage1 = open_stage1(base64.b64decode(data))
    np.savez(out, **flatten(stage1.signals()))
    return stage1.symbol_digest().hex()


def _reconstruct(
    source: str, data: str | None, reconstructor: str, options: dict[str, Any], seed: int, out: str
) -> None:
    """Save the picture that a reconstructor makes."""
    signals, size = signals_of(source, None if data is None else base64.b64decode(data))
    np.save(out, reconstruct(reconstructor, signals, size, options, Run(seed=seed)))


def _replay(
    channel: str, options: dict[str, Any], step_bits: int, dimensions: int, messages: list[str]
) -> list[str]:
    """Return a digest of the sample that each message, one a seed, stands for."""
    from gcodec.testing.channel import build

    made, reference = build(channel, step_bits, options), Gaussian.standard(dimensions)
    uses = [Common(Randomness(run), step=run % 5) for run in range(len(messages))]
    samples = [
        made.replay(bytes.fromhex(message), reference, common)
        for message, common in zip(messages, uses, strict=True)
    ]
    return [hashlib.sha256(sample.astype("<f4").tobytes()).hexdigest() for sample in samples]


def _damage(data: str) -> list[str]:
    """Decode every damaged variant of a file; return what went wrong in those that did not end as they should."""
    stage1 = open_stage1(base64.b64decode(data))
    stage1.signals()
    _limit_memory()
    failures: list[str] = []
    for case in cases(stage1.main.layers, stage1.file.header.size):
        # The last one stands here if the process is killed.
        print(case.label, file=sys.stderr, flush=True)
        try:
            _survive(stage1.main, case)
        except Exception as error:
            trace = traceback.format_exc(limit=-4)
            failures.append(f"{case.label}: {one_line(error)}\n{trace}")
        if len(failures) == _ENOUGH:
            break
    return failures


def _survive(part: Part, case: Case) -> None:
    """Raise unless decoding a case ends in PayloadError or in signals as the spec promises them."""
    with suppress(PayloadError):
        part.embedding.decode(case.layers, case.size)
    with suppress(PayloadError):
        part.embedding.symbols(case.layers, case.size)


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
    "replay": _replay,
    "damage": _damage,
}


def main() -> None:
    """Do all tasks of standard input."""
    shift_clock()
    here = Path.cwd()
    answers = [_TASKS[task.pop("do")](**task) for task in json.load(sys.stdin)]
    (here / ANSWERS).write_text(json.dumps(answers), "utf-8")


if __name__ == "__main__":
    main()
