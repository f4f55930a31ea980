"""What mkdocs calls while it builds the site (mkdocs.yml).

Pages in docs/pages are written for the site. All other text is the repository's own and is taken from where it lies, under
the same path, so nothing stands twice and links between files stay as they are. A page may ask for what is known elsewhere
by a comment alone on its line; `INSERTS` lists the words.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # mkdocs imports this file alone

import charts
import facts
import mathematics
import repository
from mkdocs.structure.files import File

#: `<!-- word: argument -->` on a line of its own becomes what the function makes of the page and the argument.
INSERTS: Mapping[str, Callable[[Any, str], str]] = {
    "facts": facts.of_page,
    "all methods": facts.all_methods,
    "distributions": facts.distributions,
    "table": repository.table,
    "curves": charts.curves,
    "arrows": charts.arrows,
    "drawing": repository.drawing,
}
#: What the plugin `offline` would have every reader's browser fetch, and where it lies instead.
_SHIM = ("https://unpkg.com/iframe-worker/shim", "assets/iframe-worker.js")
_INSERT = re.compile(r"^<!-- ([a-z ]+)(?:: (.+?))? -->$", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Put texts of docs/ that mkdocs.yml gives no place under a heading of their own, so that none is out of reach."""
    named = set(re.findall(r"[\w/]+\.md", str(config.nav)))
    found = (path for path in repository.files() if re.fullmatch(r"docs/\w+\.md", path))
    if more := [path for path in found if path not in named]:
        config.nav.append({"More": more})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the repository's pages and pictures, each under its own path."""
    for path in repository.files():
        taken = File.generated(config, path, abs_src_path=str(repository.ROOT / path))
        files.append(taken)
    facts.check()
    return files


def on_page_markdown(markdown: str, page: Any, files: Any, **_: Any) -> str:
    """Fill in what a page asks for, and mend links that lead out of the site."""
    path = page.file.src_uri
    if path not in repository.files():
        markdown = _INSERT.sub(lambda found: INSERTS[found[1]](page, found[2] or ""), markdown)
    return repository.relinked(markdown, path, {file.src_uri for file in files})


def on_page_content(html: str, **_: Any) -> str:
    """Formulas become MathML, which browsers show without a script."""
    return mathematics.rendered(html)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """No page asks anybody for anything."""
    return output.replace(_SHIM[0], "../" * page.url.count("/") + _SHIM[1])


def on_post_template(output_content: str, **_: Any) -> str:
    """Nor do the pages that are no text of ours."""
    return output_content.replace(_SHIM[0], _SHIM[1])
