"""The page as things to keep: one HTML file with everything inside, or a folder for a web server."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import gcodec_formats as gcx
from gcodec.errors import FormatError, OutputError
from gcodec.files import check_writable, why
from gcodec_formats import registry as numbers
from gcodec_view._parts import ONE_FILE, RUNTIME, SERVE, models, page

__all__ = ["one_file", "sealed", "write_folder"]

_STYLE = '<link rel="stylesheet" href="page.css">'
_SCRIPT = '<script type="module" src="page.mjs"></script>'

#: Embedding -> models that the page shows it with.
_NETWORKS = {
    16: ("ntc", "ntc_range", "bridge"),
    24: ("ldm", "autoencoder"),
    26: ("ldm", "autoencoder"),
}


def one_file(pictures: Mapping[str, bytes]) -> bytes:
    """Return an HTML document that holds the page, `pictures` (files by name) and what decoding them takes.

    It works from a disk. Networks are inside only if a picture needs them, or if there is none: 0.1 MB, or 10 to 30.
    """
    built = page()
    parts = {"worker.js": built[f"{ONE_FILE}worker.js"].read_bytes()}
    needed = {name for data in pictures.values() for name in _networks(data)}
    if not pictures:
        needed = {name for row in _NETWORKS.values() for name in row}
    if needed:
        parts[RUNTIME] = built[RUNTIME].read_bytes()
        parts |= {name: path.read_bytes() for name, path in models(sorted(needed)).items()}
    marks = {
        f"picture {i}": f' data-picture="{html.escape(name)}"' for i, name in enumerate(pictures)
    }
    parts |= dict(zip(marks, pictures.values(), strict=True))
    return sealed(
        built["index.html"].read_text("utf-8"),
        built["page.css"].read_text("utf-8"),
        built[f"{ONE_FILE}page.js"].read_text("utf-8"),
        parts,
        marks,
    )


def sealed(
    document: str,
    style: str,
    script: str,
    parts: Mapping[str, bytes],
    marks: Mapping[str, str] | None = None,
) -> bytes:
    """Return a page in one file: its style, its script and the parts that it reads. Nothing is fetched.

    marks: attributes of the elements that hold parts, by the part's name.
    """
    holders = [_holder(name, data, (marks or {}).get(name, "")) for name, data in parts.items()]
    # What may run are this script and the worker made from a part.
    policy = (
        f"default-src 'none'; script-src {_hash(script)} blob: 'wasm-unsafe-eval'; worker-src blob:; "
        f"style-src {_hash(style)}; img-src blob: data:; base-uri 'none'; form-action 'none'"
    )
    start = document.index('content="default-src')
    end = document.index(">", start)
    document = f'{document[:start]}content="{policy}"{document[end:]}'
    document = document.replace(_STYLE, f"<style>{style}</style>")
    scripts = [*holders, f'<script type="module">{script}</script>']
    return document.replace(_SCRIPT, "\n".join(scripts)).encode()


def _networks(data: bytes) -> set[str]:
    """Models that the page decodes a file's layers with. Of a file that cannot be read the page says why."""
    try:
        file = gcx.read(data, partial=True)
        companions = [s.data for s in file.segments if s.type == numbers.COMPANION]
        ids = {gcx.unpack_companion(body)[0].id for body in companions}
    except FormatError:
        return set()
    return {name for id in (file.header.identity.id, *ids) for name in _NETWORKS.get(id or 0, ())}


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _holder(name: str, data: bytes, more: str = "") -> str:
    packed = base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()
    return (
        f'<script type="application/gzip" data-part="{html.escape(name)}"{more}>{packed}</script>'
    )


def write_folder(folder: Path, pictures: Mapping[str, bytes]) -> list[str]:
    """Write the page, its models and `pictures` as a new folder for a web server.

    Returns the address of each picture in it. Raises OutputError.
    """
    check_writable(folder)
    parts: dict[str, Path | bytes] = {
        name: path
        for name, path in {**page(), **models()}.items()
        if not name.startswith((ONE_FILE, SERVE))
    }
    parts |= pictures
    try:
        made = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name, part in parts.items():
                target = made / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(part if isinstance(part, bytes) else part.read_bytes())
            made.chmod(0o755)
            made.rename(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise OutputError(folder, why(error)) from error
    return [f"index.html?src={quote(quote(name))}" for name in pictures]
