"""Each refusal of a payload's reader is there for a vector: without it a vector is read, or refused for another reason."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import pytest

from gcodec.errors import GcodecError
from gcodec.pipeline.stage1 import open_stage1

VECTORS = Path(__file__).resolve().parents[1] / "spec" / "vectors" / "embeddings"

#: Modules that read payloads, and the embeddings whose vectors show what they refuse.
READING = {
    "gcodec.entropy.coder": ("ntc", "ldm_quant", "rate_variable"),
    "gcodec_classic.embedding": ("jpeg", "webp", "avif", "jxl"),
    "gcodec_classic._jpeg": ("jpeg",),
    "gcodec_classic._webp": ("webp",),
    "gcodec_classic._avif": ("avif",),
    "gcodec_classic._jxl": ("jxl",),
    "gcodec_ntc.payload": ("ntc",),
    "gcodec_ntc.embedding": ("ntc",),
    "gcodec_ldm.scalar.adaptive": ("ldm_quant",),
    "gcodec_ldm.scalar.embedding": ("ldm_quant", "rate_variable"),
    "gcodec_ldm.perco.embedding": ("perco",),
    "gcodec_ldm.tokens.codec": ("tokens",),
    "gcodec_text_sketch.embedding": ("text_sketch",),
    "gcodec_lossless.coder": ("lossless",),
    "gcodec_lossless.codec": ("lossless",),
    "gcodec_lossless.embedding": ("lossless",),
    "gcodec_lossless.repeats": ("lossless",),
    "gcodec_diffc.diffc._stream": ("diffc",),
    "gcodec_diffc.ddcm._stream": ("ddcm",),
}

#: What only a sender calls.
WRITING = {"_compress", "_shorten", "_take_apart", "_take_obu"}

#: Refusals that no file here shows, and why.
UNSEEN = {
    "gcodec.entropy.coder.Decoder._get_escapes: raise PayloadError(self._owner, f'an escaped symbol of {n.max()} bits')": (
        "vectors/entropy has it: bad-escape-24 and bad-escape-31"
    ),
    "gcodec_ntc.embedding._codec: raise ValueError(f'it names {lower.name} for its networks, which is no {NETWORKS}')": (
        "of a model's folder, not of a payload: plugins/ntc/tests/linear has it"
    ),
    "gcodec_classic.embedding._decode: raise ValueError('the stream is of another size than the file says')": (
        "of the two of that text the first is for JPEG XL, before it is decoded; the second finds it after that"
    ),
    "gcodec_ntc.payload.PayloadCodec.said: raise PayloadError(NAME, 'the stream does not read as it was written')": (
        "the sender's, of a stream that it has just written"
    ),
    "gcodec_lossless.embedding.Lossless._beside: raise PayloadError(NAME, why)": "vectors/beside has it: bad-alone",
    "gcodec_lossless.embedding.Lossless._read: raise PayloadError(NAME, 'made with another companion; give that one')": (
        "vectors/beside has it: bad-mark"
    ),
    "gcodec_classic._jpeg._scan_header: raise ValueError('more than one scan')": "the sender's: a reader asks for the first",
}


class Refusal(NamedTuple):
    """A `raise`, the function that it stands in, and the function's code without it."""

    module: str
    home: str
    text: str
    code: CodeType

    def __str__(self) -> str:
        return f"{self.module}.{self.home}: {self.text}"


def refusals(module: str) -> Iterator[Refusal]:
    path = importlib.import_module(module).__file__
    assert path is not None
    source = Path(path).read_text("utf-8")
    for number in range(sum(1 for _ in raises(ast.parse(source)))):
        tree = ast.parse(source)
        home, body, index = list(raises(tree))[number]
        text = ast.unparse(body[index])
        body[index] = ast.copy_location(ast.Pass(), body[index])
        yield Refusal(module, home, text, code_of(compile(tree, path, "exec"), home.split(".")))


def of_a_payload(refusal: Refusal) -> bool:
    """Whether it is the payload that is refused, and not a model, an option or a sender's picture."""
    told = refusal.text.startswith(("raise PayloadError(", "raise ValueError("))
    return (
        told
        and refusal.home not in WRITING
        and not refusal.home.endswith(("__init__", "__post_init__"))
    )


def raises(
    tree: ast.AST, home: str = "", function: bool = False
) -> Iterator[tuple[str, list[ast.stmt], int]]:
    """Each `raise`: the outermost function that it stands in, and its place."""
    for child in ast.iter_child_nodes(tree):
        inside, inner = home, function
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)) and not function:
            inside = f"{home}.{child.name}".strip(".")
            inner = isinstance(child, ast.FunctionDef)
        for name in ("body", "orelse", "handlers"):
            statements = getattr(child, name, None)
            for index, statement in enumerate(statements if isinstance(statements, list) else ()):
                if isinstance(statement, ast.Raise):
                    yield inside, statements, index
        yield from raises(child, inside, inner)


def code_of(code: CodeType, names: list[str]) -> CodeType:
    for name in names:
        (code,) = (c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)
    return code


def function_of(refusal: Refusal) -> FunctionType:
    found: Any = importlib.import_module(refusal.module)
    for name in refusal.home.split("."):
        found = vars(found)[name]
    found = getattr(found, "__func__", found)
    assert isinstance(found, FunctionType)
    return found


@cache
def answers(path: Path) -> str:
    """What the reader as it is makes of a file: its error."""
    return answer(path)


def answer(path: Path) -> str:
    try:
        open_stage1(path.read_bytes()).signals()
    except GcodecError as error:
        return str(error)
    except Exception as error:
        return type(error).__name__
    return ""


def shown_by(refusal: Refusal) -> bool:
    """Whether a vector is answered in another way without it."""
    paths = [
        path
        for name in READING[refusal.module]
        for path in sorted((VECTORS / name).glob("bad-*.gcx"))
    ]
    function = function_of(refusal)
    before = function.__code__
    for path in paths:
        said = answers(path)
        function.__code__ = refusal.code
        try:
            if answer(path) != said:
                return True
        finally:
            function.__code__ = before
    return False


@pytest.mark.skipif(not VECTORS.exists(), reason="spec/ is not part of this copy")
@pytest.mark.parametrize("module", READING)
def test_every_refusal_is_there_for_a_vector(module: str) -> None:
    try:
        found = [refusal for refusal in refusals(module) if of_a_payload(refusal)]
    except ImportError as error:
        pytest.skip(str(error))
    assert found
    unseen = [str(refusal) for refusal in found if not shown_by(refusal)]
    assert unseen == [text for text in UNSEEN if text.startswith(f"{module}.")]
