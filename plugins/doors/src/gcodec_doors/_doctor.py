"""What ``gcodec doctor`` looks at: a row for everything, and never an exception."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from gcodec.models import ModelStore

__all__ = ["ABSENT", "NOTE", "OK", "WRONG", "Row", "examined"]

#: NOTE is worth knowing, ABSENT can be installed; neither is wrong.
OK: Final = "ok"
NOTE: Final = "note"
ABSENT: Final = "absent"
WRONG: Final = "wrong"


class Row(NamedTuple):
    """One thing, how it is, and what to do about it ("" where nothing)."""

    state: str
    what: str
    detail: str
    advice: str = ""


def examined() -> Iterator[Row]:
    """Yield a row for everything that matters to gcodec here."""
    yield Row(OK, "Python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    found, ours = _ours(), {}
    for name, distribution in found.items():
        try:
            yield _distribution(name, distribution)
        # packaging and importlib.metadata each raise errors of their own for what is no metadata.
        except Exception as error:
            advice = f"pip install --force-reinstall {name}"
            yield Row(WRONG, name, f"its metadata cannot be read: {_line(error)}", advice)
        else:
            ours[name] = distribution
    yield from _libraries(ours)
    yield from _torch()
    yield from _precision()
    yield from _onnxruntime()
    yield from _plugins()
    yield from _environment()
    yield from _models()
    yield from _extras(ours)
    yield from _others(found)


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _ours() -> Mapping[str, metadata.Distribution]:
    """Distributions of this project, by name."""
    found: dict[str, metadata.Distribution] = {}
    for distribution in metadata.distributions():
        name = (distribution.name or "").lower().replace("_", "-")
        if name == "gcodec" or name.startswith("gcodec-"):
            found.setdefault(name, distribution)
    return dict(sorted(found.items()))


def _asked(distribution: metadata.Distribution, extra: str = "") -> Iterator[Requirement]:
    """Yield what a distribution asks for here: always, or with `extra` besides."""
    from packaging.requirements import Requirement

    for text in distribution.requires or ():
        asked = Requirement(text)
        plain = asked.marker is None or asked.marker.evaluate({"extra": ""})
        if extra:
            with_it = asked.marker is not None and asked.marker.evaluate({"extra": extra})
            if with_it and not plain:
                yield asked
        elif plain:
            yield asked


def _lacking(asked: Requirement) -> str:
    """Say what is wrong with a requirement: not there, another version; "" where it is met."""
    try:
        version = metadata.version(asked.name)
    except metadata.PackageNotFoundError:
        return f"{asked.name} is not installed"
    if not asked.specifier.contains(version, prereleases=True):
        return f"{asked.name} is {version}, not {asked.specifier}"
    return ""


def _distribution(name: str, distribution: metadata.Distribution) -> Row:
    lacking = [text for text in map(_lacking, _asked(distribution)) if text]
    if lacking:
        return Row(WRONG, name, "; ".join(lacking), f"pip install --upgrade {name}")
    return Row(OK, name, distribution.version)


def _libraries(ours: Mapping[str, metadata.Distribution]) -> Iterator[Row]:
    """Yield the versions of what our distributions always ask for."""
    names = {asked.name.lower() for distribution in ours.values() for asked in _asked(distribution)}
    for name in sorted(names - set(ours) - {"torch", "onnxruntime"}):
        try:
            yield Row(OK, name, metadata.version(name))
        except metadata.PackageNotFoundError:
            continue  # the distribution that asks for it is wrong, and says so


def _torch() -> Iterator[Row]:
    try:
        metadata.version("torch")
    except metadata.PackageNotFoundError:
        return
    try:
        import torch

        threads, cores = torch.get_num_threads(), _cores()
        devices = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        if torch.backends.mps.is_available():
            devices.append("mps")
        found = f"{torch.__version__}, {', '.join(devices) or 'no GPU'}"
    # A build for another machine raises anything, OSError for a library that is not there most of all.
    except Exception as error:
        yield Row(WRONG, "torch", f"cannot be imported: {_line(error)}", "install it again")
        return
    yield Row(OK, "torch", found)
    detail = f"torch has {threads}, and this process may use {cores} cores"
    if threads > cores:
        yield Row(NOTE, "threads", detail, f"export OMP_NUM_THREADS={cores}")
    else:
        yield Row(OK, "threads", detail)


def _precision() -> Iterator[Row]:
    """Yield what `--dtype auto` makes pictures in on this processor, where torch can be imported."""
    try:
        from gcodec.models.precision import faster

        found = faster()
    except Exception:
        return  # torch is not there, or the row above says what is wrong with it
    detail = f"{found.dtype}; bfloat16 takes {found.ratio:.2g} of the time of float32 on {found.processor}"
    yield Row(OK, "--dtype auto", f"{detail}, torch {found.torch}")


def _onnxruntime() -> Iterator[Row]:
    try:
        version = metadata.version("onnxruntime")
    except metadata.PackageNotFoundError:
        return
    try:
        import onnxruntime

        providers = ", ".join(onnxruntime.get_available_providers())
    except Exception as error:
        yield Row(WRONG, "onnxruntime", f"cannot be imported: {_line(error)}", "install it again")
        return
    yield Row(OK, "onnxruntime", f"{version}, {providers}")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _plugins() -> Iterator[Row]:
    from gcodec.registry import DISABLE, kind_of, registry, switches_off

    plugins = registry().plugins
    for plugin in plugins:
        what = f"plugin {plugin.name} of {plugin.distribution}"
        if plugin.error:
            yield Row(WRONG, what, plugin.error, f"pip install --upgrade {plugin.distribution}")
        elif plugin.disabled:
            yield Row(NOTE, what, f"switched off by {DISABLE}")
        elif plugin.warning:
            yield Row(NOTE, what, plugin.warning)
        else:
            yield Row(OK, what, f"offers {len(plugin.specs)}")
        lacking: dict[str, list[str]] = {}
        for spec in plugin.specs:
            if reason := registry().missing(spec):
                lacking.setdefault(reason, []).append(f"{kind_of(spec)} {spec.name}")
        for reason, (first, *more) in lacking.items():
            yield Row(ABSENT, f"{first}{f' and {len(more)} more' if more else ''}", reason)
        for refused in plugin.refused:
            yield Row(WRONG, f"{kind_of(refused.spec)} {refused.spec.name}", refused.reason)
    for word in filter(str.strip, os.environ.get(DISABLE, "").split(",")):
        if not switches_off(word, plugins):
            yield Row(WRONG, DISABLE, f"nothing is called '{word}'", "see gcodec plugins")


def _environment() -> Iterator[Row]:
    for variable in ("GCODEC_MODELS", "GCODEC_METRICS"):
        for folder in filter(None, os.environ.get(variable, "").split(os.pathsep)):
            if not Path(folder).is_dir():
                yield Row(WRONG, variable, f"{folder} is no folder", "correct it, or leave it out")
    from gcodec.models.cache import cache_folder

    # What does not exist yet is made where the nearest folder above it allows that.
    place = cache_folder().absolute()
    above = next((p for p in (place, *place.parents) if p.exists()), place)
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        yield Row(OK, "cache", str(place))
    else:
        yield Row(NOTE, "cache", f"{place} cannot be written", "set GCODEC_CACHE")


def _models() -> Iterator[Row]:
    from gcodec.models import ModelStore, cache
    from gcodec.registry import registry

    # Without the folders of GCODEC_MODELS: one that is wrong would be blamed on every model.
    store = ModelStore(tuple(registry().models.values()))
    for name, spec in registry().models.items():
        yield _model(store, name, spec.digest)
    for name, digest, _ in cache.fetched():
        yield _model(store, name, digest)


def _model(store: ModelStore, name: str, digest: str) -> Row:
    from gcodec.errors import ModelError

    try:
        store.find(digest)
    except (ModelError, OSError) as error:
        return Row(
            WRONG, f"model {name}", " ".join(str(error).split()), "install or fetch it again"
        )
    return Row(OK, f"model {name}", f"digest {digest[:16]}, checked")


def _extras(ours: Mapping[str, metadata.Distribution]) -> Iterator[Row]:
    for name, distribution in ours.items():
        for extra in distribution.metadata.get_all("Provides-Extra") or ():
            if extra in ("all", "test"):
                continue
            lacking = [text for text in map(_lacking, _asked(distribution, extra)) if text]
            if lacking:
                yield Row(
                    ABSENT, f"{name}[{extra}]", "; ".join(lacking), f'pip install "{name}[{extra}]"'
                )


def _others(ours: Mapping[str, metadata.Distribution]) -> Iterator[Row]:
    """Yield the distributions of this project that are not here."""
    from gcodec_formats import registry as numbers
    from gcodec_formats.names import NAMES, PREFIXES

    known = {p for names in (*NAMES.values(), *PREFIXES.values()) for p in names.values()}
    entries = (*numbers.EMBEDDINGS, *numbers.RECONSTRUCTORS)
    known |= {entry.package for entry in entries if entry.status == "published"}
    for name in sorted(known - set(ours)):
        yield Row(ABSENT, name, "not installed", f"pip install {name}")
