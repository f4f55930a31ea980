"""The commands on the pages of the site, and how each is tried: run, or held against the options that there are.

Pages written for the site are run line by line, as a reader would type them. Texts that the site takes from the repository
have examples that stand for themselves; those run too, after what `BEFORE` says, but for what `UNTRIED` names, with reasons.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "pages"

#: Programs by which a line of an indented block is known for a command.
_PROGRAM = re.compile(
    r"(?:[A-Z_]+=\S+ )?(?:gcodec|python|pip|make|npm|npx|node|pytest|file|xdg-mime|cd) "
)


#: Pages written for the site whose blocks each stand for themselves.
APART = ("docs/pages/faq.md",)

#: Commands that are not run: page, what the command has, why. Their options are looked up all the same, and programs, files
#: and packages that they name.
UNTRIED = (
    ("docs/doors.md", "", "is for a shell and a desktop; plugins/doors/tests run it"),
    (
        "",
        r"^(\. |cp |cd |file |git |make |node |npm |npx |pip |pytest |python |xdg-mime )",
        "is no command of gcodec",
    ),
    ("", r"--fetch|://|[A-Z]+/[A-Z]+", "asks a network"),
    (
        "",
        r"(?<![\w.])[A-Z]{2,}\b",
        "has a word that the reader replaces: a pipeline, a folder, a certificate, a host",
    ),
    ("plugins/(compressai|ntc)/", r"\.pth\.tar|mbt2018", "needs a checkpoint"),
    ("", r"--captioner", "needs the weights of a captioner"),
    ("", r"gcodec view(?!.*--write)|gcodec serve", "serves until Ctrl-C"),
    ("", r"acme", "needs the plugin that docs/plugins.md writes, in its own test"),
    ("", r"gcodec eval", "starts a dozen processes; plugins/evaluation/tests run it"),
    ("", r"--recon all", "every pair takes minutes; tests/test_pairs.py runs them"),
    (
        "plugins/(?!classic)|docs/first_hour",
        r"gcodec mix",
        "a process for each pair; the README's are run",
    ),
    ("", r"gcodec report (low|results --prefixes)", "needs what other runs of mix wrote"),
    ("plugins/batch/", r"shards/", "needs tars of the reader's; plugins/batch/tests make some"),
    ("", r"--engine ray", "needs a cluster; plugins/ray/tests make one"),
    ("docs/first_hour", r"batch|report|view", "is run as the README and its plugin's page have it"),
)

#: What stands before a command of the repository's own texts, so that it finds the file that it speaks of: page, what the
#: command has, commands.
BEFORE = (
    (
        "README.md",
        r"report results",
        "gcodec mix --embed webp --recon preview photo.png -o results --force",
    ),
    ("", r"--max-bytes", "gcodec encode photo.png --embed uqdm --bpp 1 --force"),
    (
        "plugins/diffc/",
        r"decode.*(ode|mse)",
        "gcodec encode photo.png --embed diffc --bpp 0.1 --force",
    ),
    (
        "plugins/posterior/",
        r"--recon ode",
        "gcodec encode photo.png --embed diffc --bpp 0.1 --force",
    ),
    ("plugins/text_sketch/", r"decode", "gcodec encode photo.png --embed text_sketch --force"),
)

#: Commands that may end otherwise than with 0 on the small pictures of the test, or shall: page, what the command has, why.
OTHERWISE = (
    ("", r"^gcodec doctor", "19: what this machine lacks"),
    ("docs/pictures.md", r"--bytes 150", "21, as the page says"),
    ("plugins/batch/", r"transcode", "21: pictures too small for the rate"),
    ("plugins/ldm/", r"--bpp 0.01", "6: a picture too small for the rate"),
)


class Line(NamedTuple):
    """A command: page, as a path below the root, number of its line, and the command without its comment."""

    page: str
    number: int
    text: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)


class Block(NamedTuple):
    """A block of a page: number of its first line, its language ("" where it is indented) and its lines."""

    number: int
    language: str
    lines: list[str]


def pages() -> tuple[list[str], list[str]]:
    """Return the pages written for the site and those taken from the repository, but the guide, which has its own test."""
    written = [path.relative_to(ROOT).as_posix() for path in sorted(PAGES.rglob("*.md"))]
    taken = [
        "README.md",
        "SECURITY.md",
        "core/README.md",
        "formats/README.md",
        "formats/js/README.md",
    ]
    for pattern in (
        "docs/*.md",
        "docs/*/README.md",
        "spec/*.md",
        "spec/*/*.md",
        "plugins/*/README.md",
    ):
        taken += [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob(pattern))]
    return written, [page for page in taken if page != "docs/plugins.md" and page not in written]


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced and the indented blocks of a page."""
    inside: Block | None = None
    before = ""
    for number, line in enumerate((ROOT / page).read_text("utf-8").splitlines(), 1):
        fenced = inside is not None and inside.language != ""
        if line.startswith("```"):
            if fenced:
                yield inside  # type: ignore[misc]
                inside = None
            else:
                inside = Block(number, line[3:].strip() or "text", [])
        elif fenced or (inside is not None and line.startswith("    ")):
            inside.lines.append(line if fenced else line[4:])  # type: ignore[union-attr]
        elif line.startswith("    ") and not before.strip():
            inside = Block(number - 1, "", [line[4:]])
        elif inside is not None:
            yield inside
            inside = None
        before = line
    if inside is not None:
        yield inside


def commands(page: str) -> Iterator[Line]:
    """Yield the commands of a page: continued lines joined, `a | b | c` of the README taken apart, comments left out."""
    for block in blocks(page):
        if block.language not in ("", "sh", "console", "text"):
            continue
        joined = ""
        for number, line in enumerate(block.lines, block.number + 1):
            if block.language == "console" and not joined and not line.startswith("$ "):
                continue
            joined += line.removeprefix("$ ")
            if joined.endswith("\\"):
                joined = joined[:-1]
                continue
            text, joined = joined, ""
            if block.language in ("sh", "console") or _PROGRAM.match(text):
                text = re.sub(r"\s+#.*$", "", text).strip()
                first, *others = re.split(r" \| ", text) if text.startswith("gcodec") else [text]
                yield from (
                    Line(page, number, each) for each in (first, *(f"gcodec {o}" for o in others))
                )


def untried(line: Line) -> str:
    """Return why a command is not run, or ""."""
    return _first(UNTRIED, line)


def before(line: Line) -> str:
    """Return the command that a command needs before it, or ""."""
    return _first(BEFORE, line)


def otherwise(line: Line) -> int:
    """Return the other status with which a command may end, or 0."""
    return int(_first(OTHERWISE, line).partition(":")[0].partition(",")[0] or 0)


def _first(table: tuple[tuple[str, str, str], ...], line: Line) -> str:
    found = (
        row[2] for row in table if re.match(row[0], line.page) and re.search(row[1], line.text)
    )
    return next(found, "")
