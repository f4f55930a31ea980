"""Formulas as MathML: browsers show it by themselves, offline, in any colour, and screen readers read it."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

_FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\\(?:\((?P<inline>.+?)\\\)|\[(?P<block>.+?)\\\])</\1>',
    re.DOTALL,
)


def rendered(page: str) -> str:
    """Return the page with what arithmatex marked as MathML. ValueError for a command of TeX that is not known."""

    def one(found: re.Match[str]) -> str:
        source = html.unescape(found["inline"] or found["block"]).strip()
        made = convert(source, display="inline" if found["inline"] else "block")
        if "\\" in made:
            raise ValueError(f"latex2mathml does not know all of this: {source}")
        return made if found["inline"] else f'<div class="formula">{made}</div>'

    return _FORMULA.sub(one, page)
