#!/usr/bin/env bash
# diffusers 0.42.1: AutoencoderTiny called as a whole cuts its latents to bytes, and its encoder learns nothing.
#
# Expected: vae(x).sample is vae.decode(vae.encode(x).latents).sample, as with AutoencoderKL (by the mode of
# its distribution), and a loss of it trains both halves.
# What happens: in between the latents are cut at -3 and 3 and rounded to 256 levels, "as if we were
# storing" them in a picture, as a comment in the source says; no documentation does. Rounding to bytes ends
# the gradient: every weight of the encoder has grad None, and an optimizer leaves them as they are, with
# no error. The decoder has gradients as usual, so the loss falls.
# Why it matters: this is the autoencoder for small machines. A fine-tuning for compression by the usual call
# trains a half; a distortion measured so is that of a codec with 8-bit latents; and where latents pass 3,
# as those of an encoder that is free to choose may, the call and the two halves are different codecs.
# Call encode and decode.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'diffusers==0.42.1' 'torch==2.13.0' 'numpy==1.26.4'
"$dir/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import torch
from diffusers import AutoencoderKL, AutoencoderTiny

print(*(f"{name} {version(name)} " for name in ("diffusers", "torch")))
torch.manual_seed(0)
y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
picture = torch.stack([torch.sin(x / 5 + y / 9), torch.cos(x / 7 - y / 4), torch.sin(x * y / 300)])[None]
widths = {"encoder_block_out_channels": (16,) * 4, "decoder_block_out_channels": (16,) * 4}
tiny = AutoencoderTiny(**widths)
large = AutoencoderKL(block_out_channels=(16,), norm_num_groups=4)


def as_bytes(latents):
    return (latents / 6 + 0.5).clamp(0, 1).mul(255).round() / 255 * 6 - 3


def spread(deviation):
    """Sets the last layer of the encoder so that its latents have this deviation, and mean 0."""
    last = tiny.encoder.layers[-1]
    with torch.no_grad():
        latents = tiny.encode(picture).latents
        last.bias -= latents.mean((0, 2, 3))
        scale = deviation / latents.std((0, 2, 3))
        last.bias *= scale
        last.weight *= scale[:, None, None, None]


def trained(vae, reconstruction):
    vae.zero_grad()
    (reconstruction - picture).square().mean().backward()
    return tuple(all(p.grad is not None for p in half.parameters()) for half in (vae.encoder, vae.decoder))


seen = {}
for deviation in (1, 3):
    spread(deviation)
    with torch.no_grad():
        latents = tiny.encode(picture).latents
        whole, halves = tiny(picture).sample, tiny.decode(latents).sample
        stored = tiny.decode(as_bytes(latents)).sample
    varies = halves.var((2, 3)).mean()  # over the picture, in a channel
    away = 10 * torch.log10(varies / (whole - halves).square().mean()).item()
    same = torch.allclose(whole, stored, atol=1e-5)
    seen[deviation] = away, same
    print(f"AutoencoderTiny, latents of deviation {deviation}, {(latents.abs() > 3).float().mean():.1%} of them beyond 3:"
          f" the call is {away:.1f} dB (SNR) from decode(encode); it is that of latents as bytes: {same}")
whole = trained(tiny, tiny(picture).sample)
halves = trained(tiny, tiny.decode(tiny.encode(picture).latents).sample)
other = trained(large, large(picture).sample)
with torch.no_grad():
    mode = large.decode(large.encode(picture).latent_dist.mode()).sample
    equal = torch.allclose(large(picture).sample, mode, atol=1e-5)
print("AutoencoderKL: the call is decode(encode):", equal)
names = "AutoencoderTiny, the call", "AutoencoderTiny, its halves", "AutoencoderKL, the call"
for name, grads in zip(names, (whole, halves, other)):
    print(f"{name}: gradients in the encoder {grads[0]}, in the decoder {grads[1]}")
ok = all(same and away < 50 for away, same in seen.values()) and seen[3][0] < 20 and equal
ok = ok and (whole, halves, other) == ((False, True), (True, True), (True, True))
raise SystemExit(0 if ok else f"changed: {seen}, {equal}, {whole}, {halves}, {other}")
PYTHON
