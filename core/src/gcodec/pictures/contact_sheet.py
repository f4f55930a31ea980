"""A contact sheet: what several pairs made of one picture, side by side.

A row for each embedding, the original first, then a column for each reconstructor; under every picture what it is and what
it cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcodec.errors import InvalidArgument

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["contact_sheet"]

#: Largest side of the sheet, in pixels.
_SHEET = 16000
_LINE, _MARGIN = 16, 6


def contact_sheet(
    original: Path, records: Sequence[Mapping[str, Any]], side: int = 480, quality: int = 90
) -> bytes:
    """A JPEG of the pictures of `records`, which are those of `gcodec mix`, beside the `original`.

    Of each are read embedding, reconstructor, reconstruction (a path), bytes, bpp, and psnr, lpips, ms_ssim if there.
    Pictures are shrunk to `side` pixels, or to what keeps the sheet under 16,000; quality is JPEG's.
    Raises InvalidArgument for no records.
    """
    from PIL import Image, ImageDraw, ImageFont

    from gcodec.pictures._pillow import saved

    if not records:
        raise InvalidArgument("a contact sheet shows at least one pair")
    rows = list(dict.fromkeys(r["embedding"] for r in records))
    columns = list(dict.fromkeys(r["reconstructor"] for r in records))
    side = min(side, _SHEET // max(len(rows), len(columns) + 1) - 2 * _LINE - _MARGIN)
    first = _opened(original, side)
    width, height = first.width + _MARGIN, first.height + 2 * _LINE + _MARGIN
    sheet = Image.new("RGB", (width * (len(columns) + 1), height * len(rows)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)

    def put(row: int, column: int, picture: Image.Image, *lines: str) -> None:
        left, top = column * width, row * height
        sheet.paste(picture, (left, top))
        for k, line in enumerate(lines):
            draw.text((left + 2, top + first.height + k * _LINE + 1), line, "black", font)

    for k, name in enumerate(rows):
        put(k, 0, first, "original", f"next: {name}")
    for record in records:
        place = rows.index(record["embedding"]), 1 + columns.index(record["reconstructor"])
        put(*place, _opened(Path(record["reconstruction"]), side), *_caption(record))
    return saved(sheet, "JPEG", quality=quality, subsampling="4:4:4", optimize=True)


def _opened(path: Path, side: int) -> Image:
    from PIL import Image

    with Image.open(path) as picture:
        shown = picture.convert("RGB")
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    return shown


def _caption(record: Mapping[str, Any]) -> tuple[str, str]:
    name = f"{record['embedding']} + {record['reconstructor']}"
    figures = [f"{record['bytes']} B", f"{record['bpp']:.4f} bpp"]
    if record.get("psnr") is not None:
        figures.append(f"{record['psnr']:.2f} dB")
    for key, label in (("lpips", "LPIPS"), ("ms_ssim", "MS-SSIM")):
        if record.get(key) is not None:
            figures.append(f"{label} {record[key]:.3f}")
            break
    return name, "  ".join(figures)
