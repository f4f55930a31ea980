"""The models in this package; imports nothing heavy.

`python -m gcodec_base.plugin` prints the digest of every model folder beside the one registered.
"""

from __future__ import annotations

from gcodec.plugin import Codes, ModelSpec, Place, hookimpl

GCODEC_INTERFACE = 1

_SPACE = Place("base", "base/autoencoder")
_DENOISED = Place(
    "base",
    "base/autoencoder",
    "base/denoiser",
    (Codes("base-16", "base/codebook16"), Codes("base-32", "base/codebook32")),
)

MODELS = [
    ModelSpec(
        name="base/autoencoder",
        digest="45343cc8ecbc45180ce500bd8bd0a78c64f852b943bf440bee2f5b12cf6211e4",
        folder="gcodec_base:models/autoencoder",
        summary="latent space of factor 8, 32 channels",
        licence="Apache-2.0",
        place=_SPACE,
        graphs=(
            ("decoder", "4c3e7fb5c0eed196144922ee2c715f86f99050569a21cec32628c767725b6d18"),
            ("encoder", "75b362ecb1107229a82767c784c03e697022b4ceb3c8a499792ade5f4261509e"),
        ),
    ),
    ModelSpec(
        name="base/bridge",
        digest="03188bc9fcbe9e40aaad9684546e96ebb4e089a5eb07fdffba082f32e019cb33",
        folder="gcodec_base:models/bridge",
        summary="velocity network of the reconstructor `bridge`",
        licence="Apache-2.0",
        graphs=(("velocity", "02e8f267fec337ad14c7a587076674cc996c8af08352510c11f78917245d1b72"),),
    ),
    ModelSpec(
        name="base/codebook16",
        digest="8d9065dab34779b32eaf941828112e41a4c376cbed0e15c047209025c45b440e",
        folder="gcodec_base:models/codebook16",
        summary="1,024 tokens for 16x16 samples each, in the space of base/autoencoder",
        licence="Apache-2.0",
    ),
    ModelSpec(
        name="base/codebook32",
        digest="4b78ad9275942ee0575f9ce9b5b0f4faeaf25b523be3f5769e6805a3d6d1f63f",
        folder="gcodec_base:models/codebook32",
        summary="1,024 tokens for 32x32 samples each, in the space of base/autoencoder",
        licence="Apache-2.0",
    ),
    ModelSpec(
        name="base/denoiser",
        digest="b99a20ff62ff2c0d4c048f42e196e854341f41a728c5358441fdae05d19b27d0",
        folder="gcodec_base:models/denoiser",
        summary="conditional flow in the space of base/autoencoder, for 1, 2, 4 steps or more",
        licence="Apache-2.0",
        place=_DENOISED,
    ),
    ModelSpec(
        name="base/diffc",
        digest="7bbf988e67e8b4ceeadcef719df594e0a764a6483dc78b2fcb081fdba3233f23",
        folder="gcodec_base:models/diffc",
        summary="bits of the steps of the embedding `diffc`, for base/denoiser",
        licence="Apache-2.0",
        place=_DENOISED,
    ),
    ModelSpec(
        name="base/flow",
        digest="e2a35c19da90669f63ca3d5875b555c27eb53492faa3e713c0a18da5e9fadf3e",
        folder="gcodec_base:models/flow",
        summary="velocity network of the reconstructor `flow`",
        licence="Apache-2.0",
        graphs=(("velocity", "c193a6b5fa6f22d6b5549d3306f40ab76cac17e2d6005a1f684a12597054bc89"),),
    ),
    ModelSpec(
        name="base/ldm",
        digest="632f0bc7d1f23405b16131146fc0555975aa7468f4b0f8bef9d0469bbb24d8a9",
        folder="gcodec_base:models/ldm",
        summary="integer entropy model of `ldm_quant` and `rate_variable`, for base/autoencoder",
        licence="Apache-2.0",
        place=_SPACE,
    ),
    ModelSpec(
        name="base/lossless",
        digest="578ab3ce6e9417a1b088276a5f2c9f38fec123582526cb93820a342317ded1c8",
        folder="gcodec_base:models/lossless",
        summary="law of the samples of the embedding `lossless`",
        licence="Apache-2.0",
    ),
    ModelSpec(
        name="base/lossless_beside",
        digest="7a83b8060396ff7b2f028ad0d6c4af06023ddd993df9ef7f0c069c1b341dcc2b",
        folder="gcodec_base:models/lossless_beside",
        summary="the same, beside what an `ntc` of the picture says",
        licence="Apache-2.0",
    ),
    ModelSpec(
        name="base/ntc",
        digest="34cdb195e5e81643e0f7a22efb7f984ba12aca4c3c00e848ed8491ae8825e709",
        folder="gcodec_base:models/ntc",
        summary="transforms and integer entropy model of the embedding `ntc`",
        licence="Apache-2.0",
        graphs=(
            ("analysis", "1a6384a1f0c3661dac93c374f1e3b75b3aee2eb3ec4b6c0461b9a5305e59b034"),
            ("encoder", "4b5dbbe86fd4b35459dbe893dc0243150db4831f6df5fe78d1c5d0c69e88aebb"),
            ("synthesis", "a5eed74a138506f9af893930c2efecfc5a9f0bf5dfcfcce6d69d38bd7f0fd8f8"),
        ),
    ),
    ModelSpec(
        name="base/ntc_range",
        digest="69a39af1db26ed5d05c860a0acb4d015e49adf79df6f1e123159630ebfe25065",
        folder="gcodec_base:models/ntc_range",
        summary="contexts of the linear mode of the embedding `ntc`, above the networks of base/ntc",
        licence="Apache-2.0",
    ),
    ModelSpec(
        name="base/one_step",
        digest="3a0375092fabafba35eadf3a7da2fa4d262e4e875790de7eea37df62172bcd1a",
        folder="gcodec_base:models/one_step",
        summary="denoiser that is asked once, in the space of base/autoencoder",
        licence="Apache-2.0",
        place=_DENOISED,
    ),
    ModelSpec(
        name="base/perco",
        digest="83063d242a5e5ed0fb14db3bc225deaf5794e8561f8da6152b07bb1c835d1322",
        folder="gcodec_base:models/perco",
        summary="integer prior of the tokens of base/codebook16 and base/codebook32",
        licence="Apache-2.0",
        place=_DENOISED,
    ),
    ModelSpec(
        name="base/tokens",
        digest="e2562dc62e49fe9144c5b45fdfafb829c804dcd111d4a003e66cdede1016fb0b",
        folder="gcodec_base:models/tokens",
        summary="integer priors of tokens, coarse to fine, and codewords of what base/codebook16 leaves",
        licence="Apache-2.0",
        place=_SPACE,
    ),
    ModelSpec(
        name="base/uqdm",
        digest="e563bc9683a9d642b6db6e601dbb0ee6d394c34fc63379b91895a877fec4b82a",
        folder="gcodec_base:models/uqdm",
        summary="integer prior and previews of the embedding `uqdm`",
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
