"""The parts of the page, by the names under which it asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gcodec.errors import UnusablePlugin
from gcodec.models import package_folder
from gcodec.plugin import ModelSpec
from gcodec.registry import registry

__all__ = ["ONE_FILE", "RUNTIME", "SERVE", "models", "page"]

_PAGE = Path(__file__).parent / "page"

#: Folder of the page with what only its one-file form has.
ONE_FILE = "one-file/"

#: Folder of the page of `gcodec serve`.
SERVE = "serve/"

#: onnxruntime's WebAssembly.
RUNTIME = "ort-wasm-simd-threaded.wasm"

#: Models of the page, and the graph that it runs of each; the weights of graphs are the models' own.
_GRAPHS = {
    "ntc": "synthesis.onnx",
    "ntc_range": "",
    "bridge": "velocity.onnx",
    "ldm": "",
    "autoencoder": "decoder.onnx",
}
_WEIGHTS = "diffusion_pytorch_model.safetensors"


def page() -> dict[str, Path]:
    """Return the built page, its files by name. Raises UnusablePlugin where it is not built, or was before."""
    found = {
        path.relative_to(_PAGE).as_posix(): path for path in _PAGE.rglob("*") if path.is_file()
    }
    if not {"index.html", f"{ONE_FILE}report.html", f"{SERVE}index.html"} <= found.keys():
        raise UnusablePlugin(
            "gcodec-view", "its pages are not built; in a checkout, with Node 20: make page"
        )
    return found


def models(names: Iterable[str] = tuple(_GRAPHS)) -> dict[str, Path]:
    """Return the files of models of `base`, by name. Raises ModelMissing and UnknownPlugin."""
    found = {}
    for name in names:
        folder = package_folder(registry().named(ModelSpec, f"base/{name}"))
        for file in filter(None, (_GRAPHS[name], _WEIGHTS, "config.json")):
            found[f"models/{name}/{file}"] = folder / file
    return found
