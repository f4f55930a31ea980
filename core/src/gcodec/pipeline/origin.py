"""In a word, where the details of a decoded picture come from."""

from __future__ import annotations

__all__ = ["FAITHFUL", "INVENTED", "RESTORED", "origin"]

#: The reconstructor that adds nothing, and is taken where nobody names one.
FAITHFUL = "preview"

#: What stage 1 says, with least error: nothing is there that was not sent, but for errors.
RESTORED = "restored"
#: Details are likely ones, made by a model: what was not sent may have looked otherwise.
INVENTED = "invented"


def origin(reconstructor: str, realism: object) -> str:
    """RESTORED or INVENTED, by the reconstructor and the realism it was asked for (None: it has no such dial)."""
    return RESTORED if reconstructor == FAITHFUL or realism == 0 else INVENTED
