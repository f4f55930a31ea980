"""Folders as `gcodec mix` leaves them, made in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

import gcodec

KODIM23 = Path(__file__).parents[3] / "tests/images/kodim23.png"


def crop(path: Path, left: int = 440, top: int = 140, width: int = 128, height: int = 96) -> Path:
    """A piece of a photograph, as a PNG."""
    with Image.open(KODIM23) as whole:
        whole.crop((left, top, left + width, top + height)).save(path)
    return path


def mixed(
    folder: Path, original: Path, quality: float = 0.4, data: bytes | None = None, **changed: Any
) -> Path:
    """What mix writes of a picture by webp and preview, or of the file `data`; returns the record."""
    name = changed.get("embedding", "webp")
    stem = f"{original.stem}.{name}"
    made = data or gcodec.encode(original, name, target=gcodec.Target(quality=quality)).data
    decoded = gcodec.decode(made, "preview")
    folder.mkdir(exist_ok=True)
    (folder / f"{stem}.gcx").write_bytes(made)
    gcodec.save_decoded(decoded, folder / f"{stem}.preview.png")
    record = {
        "input": str(original),
        "embedding": name,
        "reconstructor": "preview",
        "bytes": len(made),
        "bpp": 1.0,
        "psnr": 20 + 20 * quality,
        "ms_ssim": 0.9 + quality / 20,
        "lpips": None,
        "encode_seconds": {"code": 0.5},
        "decode_seconds": {"stage1": 0.25},
        "encode_words": ["--embed", name, "--quality", str(quality)],
        "decode_words": ["--recon", "preview"],
        "file": f"elsewhere/{stem}.gcx",
        "reconstruction": f"elsewhere/{stem}.preview.png",
        "error": None,
        **changed,
    }
    place = folder / f"{stem}.preview.json"
    place.write_text(json.dumps(record), "utf-8")
    return place
