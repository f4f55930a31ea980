"""Charts of what docs/ has as tables, as SVG in the page: its colours, and words that can be found and read aloud."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import repository

_WIDTH, _HEIGHT, _LEFT, _BELOW, _MARGIN = 560, 380, 52, 44, 14
_COLOURS = ("#3f6fd8", "#d1495b", "#2a9d64", "#c98a1b", "#8a5fc9", "#3a9fb5")

Point = tuple[float, float]


class _Axes:
    """Where numbers lie in the chart; the second axis, LPIPS, grows downwards, so that better is up."""

    def __init__(self, points: Sequence[Point], logarithmic: bool = False):
        self._scale = math.log10 if logarithmic else float
        xs = [self._scale(x) for x, _ in points]
        ys = [y for _, y in points]
        self.x, self.y = self._wider(xs), self._wider(ys)

    @staticmethod
    def _wider(values: Sequence[float]) -> tuple[float, float]:
        low, high = min(values), max(values)
        more = 0.06 * (high - low) or 0.5
        return low - more, high + more

    def at(self, point: Point) -> Point:
        across = (self._scale(point[0]) - self.x[0]) / (self.x[1] - self.x[0])
        down = (point[1] - self.y[0]) / (self.y[1] - self.y[0])
        return (
            _LEFT + across * (_WIDTH - _LEFT - _MARGIN),
            _MARGIN + down * (_HEIGHT - _MARGIN - _BELOW),
        )

    def drawn(
        self, across: str, down: str, ticks: Iterable[float], steps: Iterable[float]
    ) -> list[str]:
        """Return lines and words of both axes."""
        bottom, right = _HEIGHT - _BELOW, _WIDTH - _MARGIN
        parts = []
        for value in ticks:
            x, _ = self.at((value, self.y[0]))
            if _LEFT <= x <= right:
                parts.append(f'<path class="grid" d="M{x:.1f} {_MARGIN}V{bottom}"/>')
                parts.append(
                    f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>'
                )
        for value in steps:
            _, y = self.at((10 ** self.x[0] if self._scale is math.log10 else self.x[0], value))
            if _MARGIN <= y <= bottom:
                parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>')
                parts.append(
                    f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
                )
        middle = (_LEFT + right) / 2
        parts.append(f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{across}</text>')
        turned = f'transform="translate(12 {bottom / 2}) rotate(-90)"'
        return [*parts, f'<text {turned} text-anchor="middle">{down}</text>']


def _figure(parts: Sequence[str], title: str, caption: str) -> str:
    inner = "\n".join(parts)
    return (
        f'<figure class="chart" markdown>\n<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}">\n'
        f"{inner}\n</svg>\n<figcaption markdown>{caption}</figcaption>\n</figure>"
    )


def curves(page: Any, asked: str) -> str:
    """Return LPIPS over bits per pixel of some series of `gcodec eval`: "docs/kodak/summary.md | ntc+flow, webp+flow"."""
    path, names = asked.split(" | ")
    text = (repository.ROOT / path).read_text("utf-8")
    head, *rows = next(repository.tables(text))
    columns = [head.index(word) for word in ("embed", "recon", "bpp", "LPIPS", "images")]
    series: dict[str, list[Point]] = {name.strip(): [] for name in names.split(",")}
    for row in rows:
        embed, recon, bpp, lpips, images = (row[column] for column in columns)
        done, _, of = images.partition("/")
        if f"{embed}+{recon}" in series and done == of:
            series[f"{embed}+{recon}"].append((float(bpp), float(lpips)))
    axes = _Axes([point for points in series.values() for point in points], logarithmic=True)
    parts = axes.drawn(
        "bits per pixel", "LPIPS, better is up", (0.06, 0.1, 0.2, 0.3, 0.5, 1), _tenths(axes.y)
    )
    for number, (name, points) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path_of = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(axes.at, points))
        parts.append(f'<polyline points="{path_of}" style="stroke:{colour}"/>')
        y = _HEIGHT - _BELOW - 14 - 18 * (len(series) - 1 - number)
        parts.append(f'<path class="key" style="stroke:{colour}" d="M{_WIDTH - 190} {y - 4}h22"/>')
        parts.append(f'<text x="{_WIDTH - 162}" y="{y}">{name.replace("+", " + ")}</text>')
    caption = f"Kodak, all 24 photographs, from [{path}]({_up(page, path)})."
    return _figure(parts, f"LPIPS over bits per pixel: {', '.join(series)}", caption)


def arrows(page: Any, name: str) -> str:
    """Return what a reconstructor makes of the preview of every embedding, of docs/pairs, PSNR and LPIPS as arrows."""
    path = "docs/pairs/README.md"
    head, *rows = next(repository.tables((repository.ROOT / path).read_text("utf-8")))
    columns = [head.index(word) for word in ("embedding", "reconstructor", "PSNR", "LPIPS")]
    found: dict[tuple[str, str], Point] = {}
    for row in rows:
        embed, recon, psnr, lpips = (row[column].strip("`") for column in columns)
        if psnr:  # or the pair was not tried
            found[embed, recon] = (float(psnr), float(lpips))
    pairs = {e: (found[e, "preview"], found[e, name]) for e, r in found if r == name}
    axes = _Axes([point for pair in pairs.values() for point in pair])
    low, high = axes.x
    parts = axes.drawn(
        "PSNR, dB", "LPIPS, better is up", range(math.ceil(low), int(high) + 1, 2), _tenths(axes.y)
    )
    parts.insert(
        0,
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
    )
    names = []
    for embed, (before, after) in pairs.items():
        (x, y), (u, v) = axes.at(before), axes.at(after)
        parts.append(
            f'<path class="arrow" d="M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}" marker-end="url(#tip)"/>'
        )
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
        names.append((x, y + 4, embed))
    parts += _labels(names)
    caption = (
        f"From the preview (dot) to what `{name}` makes of it (tip), one photograph, files of different"
        f" sizes: [every pair]({_up(page, path)})."
    )
    return _figure(parts, f"PSNR and LPIPS before and after {name}", caption)


def _labels(names: Iterable[tuple[float, float, str]]) -> list[str]:
    """Return words beside their points, those that would cover one another moved down."""
    parts: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for x, y, name in sorted(names, key=lambda label: label[1]):
        width = 7.2 * len(name)
        left = x + 7 if x + 7 + width < _WIDTH - _MARGIN else x - 7 - width
        while any(abs(y - v) < 14 and left < u + wide and u < left + width for u, v, wide in taken):
            y += 3
        taken.append((left, y, width))
        parts.append(f'<text x="{left:.1f}" y="{y:.1f}">{name}</text>')
    return parts


def _tenths(span: tuple[float, float]) -> list[float]:
    return [n / 10 for n in range(math.ceil(10 * span[0]), int(10 * span[1]) + 1)]


def _up(page: Any, path: str) -> str:
    return "../" * page.file.src_uri.count("/") + path
