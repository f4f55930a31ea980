"""What every input of a run would fail by, said before the first."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcodec.pipeline.encoding import check_encoding
from gcodec.pipeline.resolver import check_via
from gcodec.pipeline.stage2 import checked
from gcodec.plugin import AdapterSpec, EmbeddingSpec, ReconstructorSpec
from gcodec.registry import registry

if TYPE_CHECKING:
    from gcodec.cli.plugin_options import Named
    from gcodec.cli.run_options import RunOptions
    from gcodec.pipeline.trying import Trials

__all__ = ["check"]

#: Pixels a side that are enough for any metric.
_SIDE = 256


def check(
    settings: dict[str, Mapping[str, Any]],
    how: RunOptions,
    embed: Named[EmbeddingSpec] | None,
    recon: Named[ReconstructorSpec] | None,
    by_all: Mapping[str, Any],
    trials: Trials | None,
    opens: bool,
) -> None:
    """Raise what `gcodec.encode` or `gcodec.decode` would raise of any input: of a model, a metric, an adapter, a realism.

    settings  of `Work`. A model's path in it becomes an absolute one, which other nodes and later runs find from wherever
              they are.
    by_all    options of `recon` besides its own.
    opens     whether weights that are named, of a model or a metric, are opened too, as the processes of this machine do.
    """
    run = how.run()
    for name, given in settings.items():
        model = given.get("model")
        if name == "encode" and embed is not None:
            words = (embed.spec.name, embed.options, model, trials, run)
            found = check_encoding(*words, companions="companions" in given).weights
        else:
            found = None if model is None else run.models.find(model)
        if model is not None and found and Path(model).exists():
            place = found.folder if found.name == model else Path(model)
            settings[name] = {**given, "model": str(place.absolute())}
    options = {**by_all, **(recon.options if recon else {})}
    choice = checked(recon.spec, options) if recon else None
    second = settings.get("decode", {})
    if choice and second.get("model") is None:
        choice.weights(run.models)
    if (via := second.get("via")) is not None:
        registry().named(AdapterSpec, via)
        if choice and second["model"] is None:  # under another, signals may live in other spaces
            check_via(choice.spec, registry(), via, choice.wanted)
    if not opens:
        return
    model = settings.get("encode", {}).get("model")
    metric = trials.metric if trials else None
    if embed and (model is not None or metric is not None):
        _apart(partial(_open_encoding, embed.spec.name, dict(embed.options), model, metric, how))
    if recon and second.get("model") is not None:
        _apart(partial(_open_decoding, recon.spec.name, options, second["model"], how))


def _apart(call: Callable[[], None]) -> None:
    """Raise what a call raises in a process of its own, which takes its networks with it, unless that one is killed."""
    pool = ProcessPoolExecutor(1, get_context("spawn"), _quiet)
    with suppress(BrokenProcessPool), pool:
        pool.submit(call).result()


def _quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that waits
    warnings.simplefilter("ignore")


def _open_encoding(
    name: str, options: Mapping[str, Any], model: str | None, metric: str | None, how: RunOptions
) -> None:
    import numpy as np

    from gcodec.interfaces import Setup
    from gcodec.pipeline.mixing import measured
    from gcodec.pipeline.stage1 import build
    from gcodec.plugin import MetricSpec

    run = how.run()
    if model is not None:
        spec, values, _, weights = check_encoding(name, options, model, None, run)
        build(spec, Setup(run, values, weights))
    if metric is not None:
        noise = np.random.default_rng(0).random((3, _SIDE, _SIDE), np.float32)
        measured(registry().named(MetricSpec, metric), noise, noise)


def _open_decoding(name: str, options: Mapping[str, Any], model: str, how: RunOptions) -> None:
    from gcodec.pipeline.binding import Ways
    from gcodec.pipeline.stage2 import open_stage2

    choice = checked(registry().reconstructor(name), options)
    open_stage2(choice, Ways(), model=model, run=how.run())
