"""The models in this package; imports nothing heavy.

`python -m gcodec_base.plugin` prints the digest of every model folder beside the one registered.
"""

from __future__ import annotations

from gcodec.plugin import ModelSpec, hookimpl

MODELS = [
    ModelSpec(
        name="base/flow",
        digest="50cd80dc0cbd790e782c6cbc174456306fd17e38bfde0d255d86819d0ce5d08b",
        folder="gcodec_base:models/flow",
        summary="velocity network of the reconstructor `flow`",
        licence="Apache-2.0",
    ),
    ModelSpec(
        name="base/ntc",
        digest="d7023feba9004d1457edbd0462870cf4ab21ea1835fba8752741efdfc8c72d75",
        folder="gcodec_base:models/ntc",
        summary="transforms and integer entropy model of the embedding `ntc`",
        licence="Apache-2.0",
    ),
]


@hookimpl
def gcodec_models() -> list[ModelSpec]:
    """All models of `base`."""
    return list(MODELS)


def main() -> None:
    """Print name, digest and whether it is the registered one, a line each."""
    from gcodec.models import folder_digest, package_folder

    for spec in MODELS:
        digest = folder_digest(package_folder(spec))
        print(spec.name, digest, "ok" if digest == spec.digest else f"REGISTERED: {spec.digest}")


if __name__ == "__main__":
    main()
