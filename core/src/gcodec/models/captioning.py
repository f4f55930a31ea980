"""Whose words an embedding sends: the user's, a captioner's, or nobody's.

An embedding that sends text has `gcodec.plugin.CAPTION` among its options. The caption is in the file, so that the
receiver needs no captioner; and no captioner comes from anywhere but a folder of the user's or what
``gcodec models --fetch`` has fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gcodec.entropy.captions import LONGEST, pack
from gcodec.errors import InvalidOption, UsageError
from gcodec.models.networks import open_captioner
from gcodec.plugin import CAPTIONER, TEXT

if TYPE_CHECKING:
    from gcodec.interfaces import Setup
    from gcodec.signals import FloatArray

__all__ = ["caption_of", "packed"]


def caption_of(owner: str, setup: Setup) -> Callable[[FloatArray], bytes]:
    """Return what gives the caption, packed, of pixels float32 [3, H, W] in [0, 1] for the embedding `owner`; b"" for none.

    Raises InvalidOption for a text that cannot be sent, UsageError for both a text and a captioner. A captioner is
    opened when it is first asked; that raises ModelMissing, UnknownNetwork, ModelDamaged and UnusablePlugin.
    """
    text, captioner = setup.options[TEXT.name], setup.options[CAPTIONER.name]
    if text and captioner:
        raise UsageError(f"'{owner}' sends one caption: give it --text or --captioner, not both")
    given = packed(owner, TEXT.name, text)
    if not captioner:
        return lambda pixels: given

    def written(pixels: FloatArray) -> bytes:
        model, run = setup.run.models.find(captioner), setup.run
        run.progress("caption", 0, 1)
        said = open_captioner(model, run).caption(pixels)
        run.progress("caption", 1, 1)
        return packed(owner, CAPTIONER.name, " ".join(said.split()))

    return written


def packed(owner: str, option: str, text: str) -> bytes:
    """Return a caption, packed. Raises InvalidOption for a text that cannot be sent."""
    try:
        return pack(text)
    except ValueError as error:
        expected = f"text of at most {LONGEST} bytes in UTF-8"
        raise InvalidOption(owner, option, text[:40], expected) from error
