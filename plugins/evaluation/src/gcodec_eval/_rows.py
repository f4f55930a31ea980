"""From points to what results.json says: a row for each point, notes, and how it all came about."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from gcodec_eval._machine import machine
from gcodec_eval._points import Point, Row, Series
from gcodec_eval._processes import Crew
from gcodec_eval._request import Request, known_metrics, target_label

__all__ = ["conditions", "notes_on", "row"]

#: Failed pictures that a note names.
_NAMED = 5


def row(point: Point, metrics: Sequence[str], kept: bool = False) -> Row:
    """Return one point, with None for what is not known and the error of the step that failed.

    kept: the decoded picture is, and the row says where.
    """
    sent, received, error = point.sent, point.received, point.error
    pixels = sent["width"] * sent["height"] if "width" in sent else None
    values = {n: point.judged.get(n, {}) for n in metrics if not known_metrics()[n].of_set}
    encoding, decoding = sent.get("seconds"), received.get("seconds")
    return {
        "image": point.image.path.name,
        "image_sha256": point.image.digest or None,
        "width": sent.get("width"),
        "height": sent.get("height"),
        "embedding": point.series.embedding.label,
        "reconstructor": point.series.reconstructor.label,
        "target": target_label(point.target),
        "error": f"{error['kind']}: {error['text']}" if error else None,
        "traceback": error.get("traceback") if error else None,
        "bytes": sent.get("bytes"),
        "bpp": 8 * sent["bytes"] / pixels if pixels else None,
        "quality": sent.get("quality"),
        **{name: value.get("value") for name, value in values.items()},
        "missing": {n: v["error"]["text"] for n, v in values.items() if "error" in v},
        "encode_seconds": sum(encoding.values()) if encoding else None,
        "encode_parts": encoding,
        "encode_warmup_seconds": sent.get("warmup_seconds"),
        "encode_threads": sent.get("threads"),
        "encode_peak_bytes": sent.get("peak_bytes"),
        "decode_seconds": decoding["stage1"] + decoding["stage2"] if decoding else None,
        "decode_parts": decoding,
        "decode_warmup_seconds": received.get("warmup_seconds"),
        "decode_threads": received.get("threads"),
        "decode_peak_bytes": received.get("peak_bytes"),
        "signal_path": received.get("path"),
        "file": sent.get("file"),
        "file_sha256": sent.get("sha256"),
        "pixels_sha256": received.get("pixels"),
        "picture": received.get("picture") if kept else None,
    }


def notes_on(
    rows: Sequence[Row], compared: Mapping[Any, Mapping[str, Row]], networks: Mapping[str, Any]
) -> Iterator[str]:
    """Say what the numbers rest on, and which are not there."""
    sets = [made for found in compared.values() for made in found.values()]
    reasons = {reason for row in rows for reason in row["missing"].values()}
    reasons |= {made["error"]["text"] for made in sets if "error" in made}
    yield from sorted(reasons)
    failed: dict[tuple[str, str, str, bool], set[str]] = {}
    for row in rows:
        if row["error"]:
            kind = row["error"].partition(":")[0]
            key = (row["embedding"], row["target"], kind, bool(row["traceback"]))
            failed.setdefault(key, set()).add(row["image"])
    for (embedding, target, kind, defect), images in failed.items():
        what = "too small a size for" if kind == "TargetTooSmall" else f"{kind} at"
        where = " (a defect; results.json has the traceback)" if defect else ""
        yield f"{embedding}, {target}: {what} {_listed(images)}{where}; means are over the others"
    for name, network in networks.items():
        if network and known_metrics()[name].of_set:
            counts = sorted({made["patches"] for made in sets if "patches" in made})
            yield (
                f"{known_metrics()[name].title}: {network['network']}; patches of {network['patch']} pixels,"
                f" {' or '.join(map(str, counts)) or 'no'} of them"
            )
        elif network:
            yield f"{known_metrics()[name].title}: {network['network']}"


def _listed(images: Collection[str]) -> str:
    """Return the first of the names, and how many more there are."""
    names = [" ".join(name.split()) for name in sorted(images)]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def conditions(request: Request, series: Sequence[Series], crew: Crew) -> Row:
    """Return what results.json says of how they came about."""
    return {
        "images": len(request.images),
        "targets": [target_label(target) for target in request.targets],
        "series": {
            f"{one.embedding.label}+{one.reconstructor.label}": [one.sending, one.receiving]
            for one in series
        },
        "baseline": "+".join(request.baseline) if request.baseline else None,
        "bpp_range": request.bpp_range,
        "seed": request.seed,
        "device": request.device,
        "dtype": request.dtype,
        "memory": request.memory,
        "jobs": crew.jobs,
        "threads": crew.threads,
        "machine": machine(),
    }
