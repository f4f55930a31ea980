"""The repository's own text in the site: which files, where their links lead, and tables taken from them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

#: What the site takes, by pattern, so that a new distribution's page is there by itself.
TAKEN = (
    "SECURITY.md",
    "CHANGELOG.md",
    "core/README.md",
    "formats/README.md",
    "formats/js/README.md",
    "plugins/*/README.md",
    "docs/*.md",
    "docs/*.png",
    "docs/*.jpg",
    "docs/kodak/*",
    "docs/pairs/*",
    "spec/*.md",
    "spec/*/README.md",
    "spec/embeddings/*.md",
)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
_ROW = re.compile(r"^\|.*\|$")


def files() -> list[str]:
    """Return the paths that the site takes, relative to the root, with slashes."""
    found = {path for pattern in TAKEN for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def relinked(markdown: str, page: str, there: set[str]) -> str:
    """Return the text with links that lead to what the site lacks as the plain words, and its path to point at.

    page   path of the text in the site and, where it is the repository's, there.
    there  paths of all files of the site.
    """
    folder = posixpath.dirname(page)

    def one(found: re.Match[str]) -> str:
        mark, words, target = found.groups()
        path, anchor, name = target.partition("#")
        if not path or "://" in target:
            return found[0]
        aim = posixpath.normpath(posixpath.join(folder, path))
        aim = "index.md" if aim in ("README.md", ".") else aim.removeprefix("docs/pages/")
        if f"{aim}/README.md" in there:
            aim = f"{aim}/README.md"
        if aim in there:
            return f"{mark}[{words}]({posixpath.relpath(aim, folder or '.')}{anchor}{name})"
        if not (ROOT / aim).exists():
            return found[0]  # mkdocs says that it is broken
        return f'<abbr title="{aim} in the repository">{words}</abbr>'

    return _LINK.sub(one, markdown)


def sections(path: str) -> Mapping[str, str]:
    """Return the text below each heading of a Markdown file, by the heading's words."""
    parts = re.split(r"^#+ (.+)$", (ROOT / path).read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tables(text: str) -> Iterator[list[list[str]]]:
    """Yield the tables of a Markdown text as rows of cells, the line below the head left out."""
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if _ROW.match(line.strip()):
            cells = re.split(r"(?<= )\|(?= |$)", line.strip()[1:-1])
            rows.append([cell.strip() for cell in cells])
        elif rows:
            yield [rows[0], *rows[2:]]
            rows = []


def table(page: Any, asked: str) -> str:
    """Return a table of another file: "docs/systems.md | On Kodak | `ntc`", the last part a cell of its head.

    KeyError or ValueError for a section or a table that is not there.
    """
    path, heading, *cell = (part.strip() for part in asked.split(" | "))
    found = [rows for rows in tables(sections(path)[heading]) if set(cell) <= set(rows[0])]
    if len(found) != 1:
        raise ValueError(f"{len(found)} tables are: {asked}")
    head, *rest = found[0]
    lines = [head, ["---"] * len(head), *rest]
    anchor = re.sub(r"[^a-z0-9_]+", "-", heading.lower()).strip("-")
    place = posixpath.relpath(path, posixpath.dirname(page.file.src_uri) or ".")
    source = f"[{path}]({place}#{anchor}) says how it was measured."
    return "\n".join([*(f"| {' | '.join(row)} |" for row in lines), "", source])


def drawing(_: Any, name: str) -> str:
    """Return an SVG file of docs/pages/assets as part of the page, so that it has the page's colours."""
    text = (ROOT / "docs" / "pages" / "assets" / name).read_text("utf-8")
    return f'<figure class="drawing">\n{text}</figure>'
