"""``gcodec new-plugin``: a complete distribution that works and passes its own tests, to be changed into another."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import NamedTuple

import click

from gcodec.errors import OutputError, UsageError
from gcodec.files import atomic_folder

#: Every template of text has it, so that no tool takes one for what it will become.
_SUFFIX = ".txt"

#: What a kind's README says about its use: a part of the README that all share.
_ABOUT = "about.md"

#: Vendor of what was named without one.
_NOBODY = "local"

#: Stands for the digest of the weights until they are there.
_DIGEST = 64 * "0"


class _Kind(NamedTuple):
    """summary: what the method is. extra: of gcodec, which it needs. test: distributions that its tests need besides."""

    summary: str
    extra: str = ""
    test: tuple[str, ...] = ()


_KINDS = {
    "embedding": _Kind("an 8x8 cosine transform, uniformly quantized, packed by zlib"),
    "reconstructor": _Kind("unsharp masking as strong as the preview's known error"),
    "adapter": _Kind("edges of the preview as zero crossings: a difference of Gaussians"),
    "signal": _Kind("where a preview has lost how much detail, and grain in its place"),
    "channel": _Kind(
        "minimal random coding in blocks: an index of 2^depth candidates each",
        test=("gcodec-base", "gcodec-diffc", "gcodec-posterior"),
    ),
    "network": _Kind(
        "Wiener's filter as a denoiser of 8x8 cosine coefficients",
        "[torch]",
        ("gcodec-diffc", "gcodec-diffusers", "gcodec-posterior"),
    ),
    "metric": _Kind("gradient magnitude similarity deviation"),
    "trainer": _Kind(
        "a small network that mends previews, and what trains it", "[torch]", ("gcodec-train",)
    ),
    "command": _Kind("a table of .gcx files: size, rate and embedding of each"),
}


@click.command()
@click.argument("name")
@click.option(
    "-o", "--output", metavar="DIR", help="Folder to make. [default: gcodec-VENDOR-NAME, here]"
)
@click.option(
    "--kind",
    type=click.Choice(list(_KINDS)),
    default="embedding",
    show_default=True,
    help="What the plugin offers.",
)
def command(name: str, output: str | None, kind: str) -> None:
    """Write a plugin distribution called NAME: a small real method, its spec, and tests, to change into your own.

    NAME is vendor/name in a-z 0-9 _: names travel in files and stand in one table with everybody else's, so that yours
    needs a vendor. Without one it is "local/NAME". Only a command is one word. docs/plugins.md is the guide.
    """
    words = words_for(name, kind)
    folder = Path(output or words["distribution"])
    write_plugin(folder, kind, words)
    click.echo(f"wrote {folder}: {kind} '{words['full']}'")
    click.echo(f"next: pip install -e '{folder}[test]' && pytest {folder}")


def write_plugin(folder: Path, kind: str, words: Mapping[str, str]) -> None:
    """Write the templates of a kind to a new `folder`, whole or not at all. Raises OutputError."""
    if folder.exists() or folder.is_symlink():
        raise OutputError(folder, "it exists; name another folder with -o")
    if not folder.parent.is_dir():
        raise OutputError(folder, f"the folder {folder.parent} does not exist; create it first")
    with atomic_folder(folder) as partial:
        partial.mkdir()
        templates = files("gcodec") / "templates"
        about = Template((templates / kind / _ABOUT).read_text("utf-8")).substitute(words)
        for part in ("common", kind):
            _fill(templates / part, partial, {**words, "about": about.rstrip()})
        _pin(partial / "src" / words["package"])


def _fill(source: Traversable, target: Path, words: Mapping[str, str]) -> None:
    """Copy a folder of templates with their placeholders replaced; weights as they are."""
    for entry in source.iterdir():
        if entry.is_dir():
            made = target / (words["package"] if entry.name == "package" else entry.name)
            made.mkdir(exist_ok=True)
            _fill(entry, made, words)
        elif entry.name.endswith(_SUFFIX):
            text = Template(entry.read_text("utf-8")).substitute(words)
            (target / entry.name.removesuffix(_SUFFIX)).write_text(text, "utf-8")
        elif entry.name.endswith(".safetensors"):
            (target / entry.name).write_bytes(entry.read_bytes())


def _pin(package: Path) -> None:
    """Write the digest of the weights, where there are any, into the spec: what they are called is part of it."""
    from gcodec.models import folder_digest

    if (package / "model").is_dir():
        spec = package / "plugin.py"
        text = spec.read_text("utf-8").replace(_DIGEST, folder_digest(package / "model"))
        spec.write_text(text, "utf-8")


def words_for(given: str, kind: str) -> dict[str, str]:
    """Return what the placeholders stand for. Raises UsageError for a name that cannot be used."""
    from importlib.metadata import version

    vendor, slash, name = given.rpartition("/")
    vendor = vendor if slash else _NOBODY
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,35}", name) or keyword.iskeyword(name):
        raise UsageError(
            f"'{name}' cannot name a plugin: it must be a Python name of a-z 0-9 _, at most 36 long"
        )
    if not re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,18}[a-z0-9])?", vendor):
        raise UsageError(
            f"'{vendor}' cannot be a vendor: it must be of a-z 0-9 . _ -, at most 20, the first and the last no sign"
        )
    chosen, plain = _KINDS[kind], re.sub(r"[^a-z0-9]+", "_", vendor)
    words = {
        "name": name,
        "vendor": vendor,
        # A command is one word, and the class of a network an identifier.
        "full": name.replace("_", "-") if kind == "command" else f"{vendor}/{name}",
        "package": f"gcodec_{plain}_{name}",
        "distribution": f"gcodec-{vendor}-{name}".replace("_", "-"),
        "Class": _camel(name) + kind.capitalize(),
        "Network": _camel(f"{plain}_{name}"),
        "digest": _DIGEST,
        "kind": kind,
        "summary": chosen.summary,
        "requires": _list(f"gcodec{chosen.extra}>={version('gcodec')}", "numpy>=1.26"),
        "test": _list("pytest>=8", *chosen.test),
    }
    _check_free(words)
    return words


def _camel(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))


def _list(*words: str) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _check_free(words: Mapping[str, str]) -> None:
    """Raise UsageError if something of that name is installed or registered."""
    from gcodec.registry import kind_of, registry
    from gcodec_formats import registry as numbers

    name, offer = words["full"], (words["kind"], words["full"])
    for plugin in registry().plugins:
        offered = [(kind_of(spec), getattr(spec, "name", None)) for spec in plugin.specs]
        if offer in offered or words["distribution"] == plugin.distribution:
            raise UsageError(f"'{name}' is taken: {plugin.distribution} {plugin.version} has it")
    if owner := numbers.owner(*offer):
        raise UsageError(f"'{name}' is registered to {owner}; take another name")
    if find_spec(words["package"]) is not None:
        raise UsageError(f"'{name}' is taken: a package {words['package']} is installed")
