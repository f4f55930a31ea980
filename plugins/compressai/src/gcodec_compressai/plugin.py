"""What this distribution offers to gcodec. Imports nothing but the specs."""

from __future__ import annotations

from importlib.util import find_spec

from gcodec.plugin import EmbeddingSpec, Option, hookimpl

GCODEC_INTERFACE = 1

NAME = "compressai"


def missing() -> str:
    """Say what to install where CompressAI is not."""
    if find_spec("compressai"):
        return ""
    return 'CompressAI is not installed: pip install "gcodec-compressai[compressai]"'


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """The embedding `compressai`."""
    return [
        EmbeddingSpec(
            name=NAME,
            id=17,
            summary="any model of CompressAI, through CompressAI; its bits depend on float networks",
            implementation="gcodec_compressai.embedding:CompressAI",
            makes=("preview",),
            parse_class="C",
            finder="gcodec_compressai.finder:find",
            available=f"{__name__}:missing",
            options=(
                Option(
                    "arch",
                    str,
                    "",
                    "of a checkpoint file: a name that CompressAI registers, or package.module:Class;"
                    " unless given, what the file's name begins with",
                ),
                Option(
                    "arguments",
                    str,
                    "",
                    'what the class is made with, in JSON, such as {"N": 128}; unless given, its from_state_dict knows',
                ),
                Option(
                    "check",
                    bool,
                    True,
                    "decode what was coded in a second process on another number of threads",
                ),
            ),
        )
    ]
