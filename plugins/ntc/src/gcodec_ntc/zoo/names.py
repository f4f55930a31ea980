"""Names of the CompressAI zoo, and where it publishes what it calls so (`compressai.zoo.image`)."""

from __future__ import annotations

import re

from gcodec.models.checkpoint import stem_and_digest

__all__ = ["NOT_READ", "READ", "address", "family_of", "name_of"]

#: Families that are read. CompressAI publishes no weights of the second; its training makes them.
READ = (
    "bmshj2018-factorized",
    "bmshj2018-factorized-relu",
    "bmshj2018-hyperprior",
    "mbt2018-mean",
    "mbt2018",
    "cheng2020-anchor",
    "cheng2020-attn",
)

#: Others of CompressAI, of variable rate.
NOT_READ = ("bmshj2018-hyperprior-vbr", "mbt2018-mean-vbr", "mbt2018-vbr")

_ROOT = "https://compressai.s3.amazonaws.com/models/v1"

#: What the published file names end with, by quality 1 to 8: the first digits of the file's SHA-256.
_DIGESTS = {
    "bmshj2018-factorized": "446d5c7f 87279a02 5c6f152b 1ed4405a 866ba797 9b02ea3a 6dfd6734 5232faa3",
    "bmshj2018-factorized-ms-ssim": "9781d705 4a584386 5352f123 4f91b847 b3a88897 ee028763 8c265a29 8811bd14",
    "bmshj2018-hyperprior": "7eb97409 93677231 6d87be32 de1b779c f8b614e1 1ab9c41e 3804dcbd a583f0cf",
    "bmshj2018-hyperprior-ms-ssim": "5cf249be 1ff60d1f 92dd7878 4377354e c34afc8d 3a6d8229 8747d3bc cc15b5f3",
    "mbt2018-mean": "e522738d e54a039d 723404a8 6dba02a3 d504e8eb a19628ab d5d441d1 8089ae3e",
    "mbt2018-mean-ms-ssim": "5bf9c0b6 e2a1bf3f 640ce819 12626c13 1be7f059 b83bf379 ddf9644c 0cc7b94f",
    "mbt2018": "3f36cd77 43b70cdd 22901978 456e2af9 b4a046dd 7052e5ea 8ba2bf82 dd0097aa",
    "mbt2018-ms-ssim": "2878436b c41cb208 d0dd64e8 a120e037 9b30e3b7 f8b3626f 16e6ff50 0cb49d43",
    "cheng2020-anchor": "dad2ebff a29008eb e49be189 98b0b468 23852949 4c052b1a",
    "cheng2020-anchor-ms-ssim": "20f521db c7ff5812 c23e22d5 0e658304 c0a95e77 f2dc1913",
    "cheng2020-attn": "465f2b64 e0805385 2d07bbdf f7b0ccf2 26c8920e 730501f2",
    "cheng2020-attn-ms-ssim": "c5381d91 5dad201d 5c9be841 8b2f647e 5ca1f34c 216423ec",
}

#: What the published file names call a family, where that is something else.
_CALLED = {
    "bmshj2018-factorized": "bmshj2018-factorized-prior",
    "cheng2020-anchor-ms-ssim": "cheng2020_anchor-ms-ssim",
    "cheng2020-attn": "cheng2020_attn-mse",
    "cheng2020-attn-ms-ssim": "cheng2020_attn-ms-ssim",
}


def family_of(name: str) -> str | None:
    """The family that a name such as "mbt2018-mean-ms-ssim-8" begins with; None for names of another kind."""
    found = re.fullmatch(r"(.+?)(-mse|-ms-ssim)?-[1-8]", name)
    return found[1] if found and found[1] in READ + NOT_READ else None


def address(name: str) -> str | None:
    """Where CompressAI publishes the checkpoint `name`, such as "mbt2018-mean-8"; None if it publishes none."""
    family, _, quality = name.rpartition("-")
    digests = _DIGESTS.get(family, "").split()
    if quality not in map(str, range(1, len(digests) + 1)):
        return None
    return f"{_ROOT}/{_CALLED.get(family, family)}-{quality}-{digests[int(quality) - 1]}.pth.tar"


def name_of(file: str) -> str:
    """The model's name that the file name of a checkpoint says, without the digest that ends it."""
    name, _ = stem_and_digest(file)
    for family, called in _CALLED.items():
        name = re.sub(f"^{called}(?=-)", family, name)
    return name
