"""``gcodec new-plugin``: a complete distribution that works and passes its own tests, to be changed into another."""

from __future__ import annotations

import keyword
import re
import secrets
import shutil
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from string import Template

import click

from gcodec.errors import OutputError, UsageError

#: Every template file has it, so that no tool takes one for what it will become.
_SUFFIX = ".txt"

#: Vendor of an embedding that was named without one; files need one, spec/FORMAT.md.
_NOBODY = "local"

_SUMMARIES = {
    "embedding": "an 8x8 cosine transform, uniformly quantized, packed by zlib",
    "reconstructor": "unsharp masking as strong as the preview's known error",
}


@click.command()
@click.argument("name")
@click.option("-o", "--output", metavar="DIR", help="Folder to make. [default: gcodec-NAME, here]")
@click.option(
    "--kind",
    type=click.Choice(list(_SUMMARIES)),
    default="embedding",
    show_default=True,
    help="What the plugin offers.",
)
def command(name: str, output: str | None, kind: str) -> None:
    """Write a plugin distribution called NAME: a small real method, its spec, and the conformance suite as its tests.

    NAME is in a-z 0-9 _, or vendor/name: the name of an embedding without a registered number travels in its files, with
    a vendor so that no two clash. Without one it is "local/NAME".
    """
    words = words_for(name, kind)
    folder = Path(output or words["distribution"])
    write_plugin(folder, kind, words)
    click.echo(f"wrote {folder}: {kind} '{words['full']}'")
    click.echo(f"next: pip install -e '{folder}[test]' && pytest {folder}")


def write_plugin(folder: Path, kind: str, words: Mapping[str, str]) -> None:
    """Write the templates of a kind to a new `folder`, whole or not at all. Raises OutputError."""
    partial = folder.with_name(f".{folder.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        if folder.exists() or folder.is_symlink():
            raise OutputError(folder, "it exists; name another folder with -o")
        if not folder.parent.is_dir():
            raise OutputError(folder, f"the folder {folder.parent} does not exist; create it first")
        partial.mkdir()
        templates = files("gcodec") / "templates"
        for part in ("common", kind):
            _fill(templates / part, partial, words)
        # Fails if someone else has put something there in the meantime, an empty folder aside.
        partial.rename(folder)
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(source: Traversable, target: Path, words: Mapping[str, str]) -> None:
    """Copy a folder of templates with their placeholders replaced."""
    for entry in source.iterdir():
        if entry.is_dir():
            made = target / (words["package"] if entry.name == "package" else entry.name)
            made.mkdir(exist_ok=True)
            _fill(entry, made, words)
        elif entry.name.endswith(_SUFFIX):
            text = Template(entry.read_text("utf-8")).substitute(words)
            (target / entry.name.removesuffix(_SUFFIX)).write_text(text, "utf-8")


def words_for(given: str, kind: str) -> dict[str, str]:
    """Return what the placeholders stand for. Raises UsageError for a name that cannot be used."""
    from importlib.metadata import version

    vendor, slash, name = given.rpartition("/")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or keyword.iskeyword(name):
        raise UsageError(
            f"'{name}' cannot name a plugin: it must be a Python name of a-z 0-9 _, at most 40 long"
        )
    if slash and not re.fullmatch(r"[a-z0-9._-]{1,20}", vendor):
        raise UsageError(f"'{vendor}' cannot be a vendor: it must be of a-z 0-9 . _ -, at most 20")
    if kind == "embedding":
        vendor = vendor or _NOBODY
    words = {
        "name": name,
        "full": f"{vendor}/{name}" if vendor else name,
        "package": f"gcodec_{name}",
        "distribution": "gcodec-" + name.replace("_", "-"),
        "Class": "".join(map(str.capitalize, name.split("_"))) + kind.capitalize(),
        "summary": _SUMMARIES[kind],
        "gcodec": version("gcodec"),
    }
    _check_free(words)
    return words


def _check_free(words: Mapping[str, str]) -> None:
    """Raise UsageError if something of that name is installed or registered."""
    from gcodec.registry import registry
    from gcodec_formats import registry as numbers

    name, full, distribution = words["name"], words["full"], words["distribution"]
    for plugin in registry().plugins:
        offered = [getattr(spec, "name", None) for spec in plugin.specs]
        if full in offered or distribution == plugin.distribution:
            raise UsageError(f"'{name}' is taken: {plugin.distribution} {plugin.version} has it")
    for row in (*numbers.EMBEDDINGS, *numbers.RECONSTRUCTORS):
        if name == row.name or distribution == row.package:
            raise UsageError(f"'{name}' is registered to {row.package}; take another name")
    if find_spec(words["package"]) is not None:
        raise UsageError(f"'{name}' is taken: a package {words['package']} is installed")
