"""What decides a result, so that a journal can tell whether it has it: digests, versions and sources.

An editable install has one version for many states. So the sources themselves are hashed: those of the core, of the file
format, and of the package of every spec that a result passes through, networks that its models name included.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gcodec.models import Model, ModelStore
from gcodec.plugin import Spec
from gcodec.registry import registry

__all__ = ["digest_of", "file_digest", "in_play", "software", "sources"]

#: Rooms of the core that no file and no picture goes through.
_OFF_THE_WAY = ("cli", "templates", "testing")

#: What of this distribution makes numbers; the rest arranges them.
_METRICS = "gcodec_eval.metrics"


def digest_of(identity: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a value as canonical JSON, hexadecimal."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def in_play(names: Iterable[str], store: ModelStore) -> list[Model]:
    """Return the models of these names, and those that they work with: a denoiser's autoencoder and codebook.

    Raises ModelMissing and ModelDamaged.
    """
    from gcodec.models.networks import place_of

    found: dict[str, Model] = {}
    for name in names:
        model = store.find(name)
        place = place_of(model, store)
        beside = (place.autoencoder, place.denoiser) if place else ()
        books = [codes.model for codes in place.codebooks] if place else []
        for one in (model, *(store.find(name) for name in (*beside, *books) if name)):
            found[one.digest] = one
    return list(found.values())


def software(
    specs: Iterable[Spec], models: Iterable[Model] = (), *, ours: bool = False
) -> dict[str, str]:
    """Return what does the work of specs with models: versions of gcodec, of the distributions that offer the specs and the
    networks of the models, and of what these require; and a digest of the sources of each of their packages.

    ours: with this distribution's own metrics.
    """
    classes = {model.class_name for model in models}
    networks = [spec for spec in registry().networks.values() if spec.name in classes]
    # A copy: what is cached is not to grow by what other results pass through.
    found = dict(_versions("gcodec", extras=False))
    modules = {"gcodec", "gcodec_formats", "gcodec_eval._workers"}
    if ours:
        found |= _versions("gcodec-eval", extras=True)
        modules.add(_METRICS)
    for spec in (*specs, *networks):
        distribution = registry().distribution_of(spec)
        found |= _versions(distribution, extras=True) if distribution else {}
        modules |= {_package(path.partition(":")[0]) for path in _implementations(spec)}
    return found | {f"{module} sources": sources(module) for module in sorted(modules)}


@cache
def sources(module: str) -> str:
    """Return a digest of the files of a module or a package, without importing it: its code, and the data beside."""
    found = _spec(module)
    if found is None:
        return ""
    digest = hashlib.sha256()
    for place in map(Path, found.submodule_search_locations or ()):
        for file in sorted(path for path in place.rglob("*") if path.is_file()):
            inside = file.relative_to(place)
            off = module == "gcodec" and inside.parts[0] in _OFF_THE_WAY
            if not off and "__pycache__" not in inside.parts:
                digest.update(f"{inside.as_posix()}\0{file_digest(file)}".encode())
    if not found.submodule_search_locations and found.origin and Path(found.origin).is_file():
        digest.update(Path(found.origin).read_bytes())
    return digest.hexdigest()[:16]


def _implementations(spec: Spec) -> Iterator[str]:
    """Yield the import paths that a spec names."""
    for field in ("implementation", "finder", "place"):
        if path := getattr(spec, field, None):
            yield path


def _package(module: str) -> str:
    """Return the outermost package that a module is in, or the module; what lies beside in a namespace is not of it."""
    if module.startswith(_METRICS):
        return _METRICS
    parts = module.split(".")
    for count in range(1, len(parts)):
        outer = ".".join(parts[:count])
        found = _spec(outer)
        if found is not None and found.origin is not None:
            return outer
    return module


def _spec(module: str) -> ModuleSpec | None:
    """Return where a module is; None where it is not, or cannot be told."""
    try:
        return find_spec(module)
    except (ImportError, ValueError):
        return None


def _version(distribution: str) -> dict[str, str]:
    try:
        return {distribution: version(distribution)}
    except PackageNotFoundError:
        return {}


@cache
def _versions(distribution: str, *, extras: bool) -> dict[str, str]:
    found = _version(distribution)
    for line in (requires(distribution) or ()) if found else ():
        name = re.split(r"[\s\[<>=!~;(]", line, maxsplit=1)[0]
        if extras or "extra ==" not in line:
            found |= _version(name)
    return found
