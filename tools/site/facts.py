"""What the plugins say of themselves: the facts of a method's page, and the lists of all methods and distributions.

A method's page names what it is about in its metadata: `embeddings: [ldm_quant]`, `reconstructors: [relic]`.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import repository
from mkdocs.utils.meta import get_data

from gcodec.plugin import EmbeddingSpec, Option, ReconstructorSpec
from gcodec.registry import registry

Method = EmbeddingSpec | ReconstructorSpec
_KINDS = {"embeddings": EmbeddingSpec, "reconstructors": ReconstructorSpec}
_CLASSES = {
    "A": "A: no model takes part in reading the bits",
    "B": "B: an integer model says what the bits mean, on every machine the same",
    "C": "C: a model in floating point says what the bits mean; not portable",
}


@cache
def distributions_here() -> dict[str, tuple[str, str]]:
    """Return folder and description of every distribution of this repository, by name."""
    found = {}
    for path in sorted(repository.ROOT.glob("*/pyproject.toml")) + sorted(
        repository.ROOT.glob("plugins/*/pyproject.toml")
    ):
        project = tomllib.loads(path.read_text("utf-8"))["project"]
        folder = path.parent.relative_to(repository.ROOT).as_posix()
        found[project["name"]] = (folder, project["description"])
    return found


@cache
def methods() -> dict[tuple[str, str], tuple[Method, str]]:
    """Return every method of this repository and its distribution, by kind ("embeddings") and name."""
    return {
        (kind, spec.name): (spec, plugin.distribution)
        for kind, cls in _KINDS.items()
        for plugin in registry().plugins
        if plugin.distribution in distributions_here()
        for spec in plugin.specs
        if isinstance(spec, cls)
    }


@cache
def pages() -> dict[tuple[str, str], str]:
    """Return the page of every method that has one, as a path within the site."""
    folder = repository.ROOT / "docs" / "pages"
    return {
        (kind, name): path.relative_to(folder).as_posix()
        for path in sorted(folder.glob("methods/*.md"))
        for kind in _KINDS
        for name in get_data(path.read_text("utf-8"))[1].get(kind, [])
    }


def check() -> None:
    """Raise ValueError for a method that no page is about, and for one that a page speaks of and nobody offers."""
    lost = [f"{name} ({kind})" for kind, name in sorted(methods().keys() - pages().keys())]
    if lost:
        raise ValueError(f"docs/pages/methods has no page about {', '.join(lost)}")
    gone = [f"{pages()[key]}: {key[1]}" for key in sorted(pages().keys() - methods().keys())]
    if gone:
        raise ValueError(f"nobody offers what these pages are about: {', '.join(gone)}")


def of_page(page: Any, _: str) -> str:
    """Return what is known of the page's methods, a table for each."""
    keys = [(kind, name) for kind in _KINDS for name in page.meta.get(kind, [])]
    return "\n\n".join(_facts(*key, *methods()[key], page.file.src_uri) for key in keys)


def _facts(kind: str, name: str, spec: Method, distribution: str, page: str) -> str:
    rows = list(_rows(spec))
    folder, _ = distributions_here()[distribution]
    install = f"`pip install {distribution}`"
    rows.append(("from", f"[{distribution}]({_from(page, f'{folder}/README.md')}), {install}"))
    text = f"spec/embeddings/{name}.md"
    if kind == "embeddings" and (repository.ROOT / text).exists():
        rows.append(("payload", f"[{name}.md]({_from(page, text)}), byte by byte"))
    options = [_option(option) for option in spec.options]
    stage = 1 if kind == "embeddings" else 2
    head = [f"| stage {stage} | **`{name}`**: {_plain(spec.summary)} |", "|---|---|"]
    table = [*head, *(f"| {what} | {text} |" for what, text in rows)]
    if options:
        table += ["", "| option | default | meaning |", "|---|---|---|", *options]
    return "\n".join(table)


def _rows(spec: Method) -> Iterator[tuple[str, str]]:
    if isinstance(spec, EmbeddingSpec):
        if spec.id is not None:
            yield "number in the file", str(spec.id)
        yield "gives", _either(spec.contents)
        yield "parse class", _CLASSES[spec.parse_class]
        if spec.progressive:
            yield "progressive", "yes: the first bytes of a file are a file of lower rate"
    else:
        yield "takes", _either(spec.needs)
        if spec.uses:
            yield "also uses", _words(spec.uses, "and")
    yield "weights", f"`{spec.model}`" if spec.model else "none"


def _either(alternatives: Iterable[Iterable[str]]) -> str:
    return "; or ".join(_words(each, "and") for each in alternatives)


def _words(names: Iterable[str], last: str) -> str:
    quoted = [f"`{name}`" for name in names]
    return f" {last} ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


def _option(option: Option) -> str:
    if option.type is bool:
        default = "on" if option.default else "off"
    elif option.type is float:
        default = f"{option.default:g}"
    else:
        default = str(option.default) or "none"
    choices = f": {', '.join(map(str, option.choices))}" if option.choices else ""
    return f"| `{option.flag}` | {default} | {_plain(option.help)}{choices} |"


def _plain(text: str) -> str:
    """Return words as Markdown that shows just them, in a cell of a table too."""
    return re.sub(r"([|*<])", r"\\\1", text)


def _from(page: str, target: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def all_methods(page: Any, kind: str) -> str:
    """Return a table of all embeddings or all reconstructors, with links to their pages."""
    lines = [f"| {'stage 1' if kind == 'embeddings' else 'stage 2'} | what |", "|---|---|"]
    for (of, name), (spec, _) in methods().items():
        if of == kind:
            lines.append(
                f"| [`{name}`]({_from(page.file.src_uri, pages()[of, name])}) | {_plain(spec.summary)} |"
            )
    return "\n".join(lines)


def distributions(page: Any, _: str) -> str:
    """Return a table of all distributions of the repository."""
    lines = ["| distribution | what |", "|---|---|"]
    for name, (folder, description) in distributions_here().items():
        lines.append(
            f"| [{name}]({_from(page.file.src_uri, f'{folder}/README.md')}) | {_plain(description)} |"
        )
    return "\n".join(lines)
