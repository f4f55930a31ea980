"""What the `ntc` distribution offers; imports nothing heavy."""

from __future__ import annotations

from gcodec.plugin import EmbeddingSpec, Profile, hookimpl

# Profile 1 pins the weights `base/ntc` by digest.
DIGEST = "6b25454acfab7700111cd04a216e2bc5e1ab39f969f4e8f8c34c3d98e586d60f"


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """The embedding `ntc`."""
    return [
        EmbeddingSpec(
            name="ntc",
            id=16,
            levels=256,
            summary="nonlinear transform coding, continuous rate, about 0.02 to 1.5 bpp",
            implementation="gcodec_ntc.embedding:Ntc",
            makes=("preview",),
            profiles=(Profile(id=1, model=DIGEST),),
            model="base/ntc",
            parse_class="B",
        )
    ]
