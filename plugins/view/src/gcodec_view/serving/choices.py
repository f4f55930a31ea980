"""What the page lets its user choose: what is installed, which pairs work, at what cost, and the options of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gcodec.errors import UnknownOption
from gcodec.options import TEXT, Option
from gcodec.pipeline.resolver import matrix
from gcodec.plugin import EmbeddingSpec, ReconstructorSpec
from gcodec.registry import Registry
from gcodec_view._points import metric_table

__all__ = ["METRICS", "check_offered", "choices"]

#: What may be measured, as far as it is installed.
METRICS = ("psnr", "ms_ssim", "lpips")


def choices(installed: Registry) -> dict[str, Any]:
    """Return the table that the page draws its form from."""
    rows = matrix(installed)
    pairs: dict[str, list[dict[str, Any]]] = {row.embedding: [] for row in rows}
    for row in rows:
        if row.path is not None:
            pair = {"name": row.reconstructor, "cost": row.path.cost, "path": row.path.explain()}
            pairs[row.embedding].append(pair)
    return {
        "embeddings": [_about(spec) for spec in installed.usable(EmbeddingSpec).values()],
        "reconstructors": [_about(spec) for spec in installed.usable(ReconstructorSpec).values()],
        "pairs": pairs,
        "metrics": metric_table(name for name in METRICS if name in installed.metrics),
    }


def check_offered(spec: EmbeddingSpec | ReconstructorSpec, given: Mapping[str, Any]) -> None:
    """Raise UnknownOption for an option that a page may not set."""
    known = [option.name for option in _offered(spec.options)]
    for name in given:
        if name not in known:
            raise UnknownOption(spec.name, name, known)


def _about(spec: EmbeddingSpec | ReconstructorSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "summary": spec.summary,
        "options": [_option(option) for option in _offered(spec.options)],
    }


def _offered(options: Iterable[Option]) -> list[Option]:
    """Those that name no folders, models or code of this machine: whoever has the page must not reach for these."""
    return [o for o in options if o.type is not str or o.choices or o == TEXT]


def _option(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "type": option.type.__name__,
        "default": option.default,
        "help": option.help,
        "choices": list(option.choices),
        "minimum": option.minimum,
        "maximum": option.maximum,
    }
