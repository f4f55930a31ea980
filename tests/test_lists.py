"""What pages list by hand is what there is: whoever adds a method is told which of them do not know it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from gcodec.pipeline.resolver import matrix
from gcodec.plugin import EmbeddingSpec
from gcodec.registry import registry
from gcodec_formats.registry import EMBEDDINGS, RECONSTRUCTORS

ROOT = Path(__file__).resolve().parents[1]
#: Published, and no file of them means the same everywhere.
NOT_PORTABLE = {"compressai"}


def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def test_docs_pairs_has_every_embedding_with_every_reconstructor() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", text("docs/pairs/README.md"), re.M)
    pairs = {(pair.embedding, pair.reconstructor) for pair in matrix(registry())}
    ours = {pair for pair in pairs if "/" not in "".join(pair) and pair[0] not in NOT_PORTABLE}
    assert ours - set(rows) == set()


def test_the_questions_name_every_progressive_embedding() -> None:
    (answer,) = re.findall(r"^Of a progressive one: (.*)\.$", text("docs/pages/faq.md"), re.M)
    specs = registry().table(EmbeddingSpec).values()
    assert set(re.findall(r"`(\w+)`", answer)) == {s.name for s in specs if s.progressive}


def test_the_conformance_set_has_all_that_is_published() -> None:
    table = json.loads(text("spec/conformance/conformance.json"))
    shown = {name for row in table.values() for name in row["pictures"]}
    assert shown == {row.name for row in RECONSTRUCTORS if row.status == "published"}
    published = {row.name for row in EMBEDDINGS if row.status == "published"}
    assert {name.partition("-")[0] for name in table} == published - NOT_PORTABLE
    pictures = sum(len(row["pictures"]) for row in table.values())
    page = " ".join(text("docs/portability.md").split())
    assert f"{len(table)} files, one of each published embedding" in page
    assert f"and {pictures} pictures" in page


def test_the_readme_lists_every_method_in_its_table() -> None:
    """Names stand in the third column, by the distribution that has them."""
    lines = [line for line in text("README.md").splitlines() if line.startswith("| ")]
    named = {name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[3])}
    assert {row.name for row in (*EMBEDDINGS, *RECONSTRUCTORS)} <= named
