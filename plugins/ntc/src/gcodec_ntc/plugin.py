"""What the `ntc` distribution offers; imports nothing heavy."""

from __future__ import annotations

from gcodec.plugin import EmbeddingSpec, Profile, hookimpl

# Profile 1 pins the weights `base/ntc` by digest.
DIGEST = "d7023feba9004d1457edbd0462870cf4ab21ea1835fba8752741efdfc8c72d75"


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """The embedding `ntc`."""
    return [
        EmbeddingSpec(
            name="ntc",
            id=16,
            levels=256,
            summary="nonlinear transform coding, continuous rate, about 0.03 to 1.5 bpp",
            implementation="gcodec_ntc.embedding:Ntc",
            makes=("preview",),
            profiles=(Profile(id=1, model=DIGEST),),
            model="base/ntc",
            parse_class="B",
        )
    ]
