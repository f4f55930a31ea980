"""WebDataset decodes .gcx members with this handler.

    import webdataset as wds
    from gcodec_doors.webdataset import decoder

    pictures = wds.WebDataset("00000.tar").decode(decoder("torch", recon="flow"), "torch")

WebDataset itself is not imported: a handler is a function of a name and bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gcodec.errors import InvalidArgument
from gcodec_doors._file import GcxError, decoded, told

__all__ = ["GcxError", "decoder"]

_KINDS = ("torch", "numpy", "pil")


@dataclass(frozen=True)
class _Decoder:
    """One handler, which can be pickled."""

    kind: str
    device: str
    words: Mapping[str, Any]

    def __call__(self, key: str, data: bytes) -> Any:
        if not key.lower().endswith(".gcx"):
            return None
        with told(key):
            picture = decoded(data, self.words, self.device)
        if self.kind == "pil":
            return picture.to_pil().convert("RGB")
        if self.kind == "numpy":
            samples = np.rint(picture.pixels * 255).astype(np.uint8)
            return np.ascontiguousarray(samples.transpose(1, 2, 0))
        import torch

        return torch.tensor(picture.pixels)


def decoder(
    kind: Literal["torch", "numpy", "pil"],
    *,
    recon: str | None = None,
    device: str = "cpu",
    **options: Any,
) -> _Decoder:
    """Return a handler for `.decode()`. It leaves members of other kinds to the handlers behind it.

    kind     "torch": float32 [3, H, W] in [0, 1]; "numpy": uint8 [H, W, 3]; "pil": an RGB image. Alpha is left out.
    recon    reconstructor; None: what each file suggests, or preview.
    device   that decodes, as torch calls it.
    options  of the reconstructor, and model, via, partial, seed.

    Raises InvalidArgument for another kind; the handler GcxError, which WebDataset shows as the cause of its DecodingError.
    """
    if kind not in _KINDS:
        raise InvalidArgument(f"a picture is decoded to {', '.join(_KINDS)}, not {kind!r}")
    return _Decoder(kind, device, {**options, "recon": recon})
