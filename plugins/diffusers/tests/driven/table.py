"""Write docs/families.md: every family against diffusers' own pipeline, by tiny random folders made on the spot.

PYTHONPATH=.venv/beside python plugins/diffusers/tests/driven/table.py docs/families.md
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from family_oracle import STEPS, Compared, compare, fitting

from gcodec.models import ModelStore, _torchvision_cpu
from gcodec.run import Run
from gcodec_diffusers.driven import DrivenDenoiser, open_family
from gcodec_diffusers.families import DRIVEN, Family
from gcodec_diffusers.tiny_families import TINY, make_family

_CALLS = 20
_TEXT = """# Families of diffusers' pipelines

Written by `plugins/diffusers/tests/driven/table.py`, with diffusers {diffusers} and transformers {transformers}. Each
family is a tiny random folder, and is asked for x0-hat through diffusers' own call with four probes in it
([driven.py](../plugins/diffusers/src/gcodec_diffusers/driven.py)). It is compared with what diffusers' own pipeline
says of the same folder, with its own scheduler, noise and loaders, at each of {steps} steps: *x0* is the largest
relative difference of x0-hat, *told* that of everything that the network is told besides the latents. *ms* is the
processor time of a call beside the network's own, on one core, the best of {calls}. Stable Diffusion 1 and 2, SDXL and
its refiner, SD3, FLUX.1 and PerCo(SD) are called without diffusers' pipelines, and so without transformers; their tests
are in `plugins/diffusers/tests/pipelines`. None of these models has been run here at its published size.

| pipeline | means the same | network | autoencoder | x0 | told | ms |
|---|---|---|---|---|---|---|
{rows}

ErnieImage takes 1e-5 in a variance where its autoencoder's configuration says 1e-4, and so does its picture.

To see one work without its gigabytes, in an environment with `gcodec-diffusers[text]`:

    for name in ZImagePipeline Flux2KleinPipeline SanaPipeline; do
        python -m gcodec_diffusers.tiny_families $name tiny/$name
        gcodec mix --embed diffc --recon ode,latent_flow --bpp 0.05 \\
            --embed-model tiny/$name --recon-model tiny/$name photo.png -o mix-$name
    done

Networks of random weights draw noise; what it shows is that the file, the folder and a fresh process go together.

Not known: cascades (Wuerstchen, DeepFloyd IF, unCLIP, Kandinsky 2), models of tokens (Amused, VQ-Diffusion), the two
networks of Wan 2.2, latent diffusion of 2022 (LDM), whose prompt has no call of its own, pipelines that edit a picture or
make video and sound. A folder of one is refused in a line.
"""


def overhead(denoiser: DrivenDenoiser) -> float:
    """Milliseconds of processor time of a call, beside the network's."""
    size, spent, best = fitting(denoiser), [0.0], np.inf
    denoiser.network.register_forward_pre_hook(
        lambda module, given: spent.__setitem__(0, spent[0] - time.process_time())
    )
    denoiser.network.register_forward_hook(
        lambda module, given, out: spent.__setitem__(0, spent[0] + time.process_time())
    )
    condition, factor = denoiser.condition({}, size), denoiser.published.factor
    x = torch.zeros(1, denoiser.published.channels, size.height // factor, size.width // factor)
    for _ in range(_CALLS):
        spent[0], start = 0.0, time.process_time()
        denoiser.x0(x, 0.5, 0.5, condition)
        best = min(best, time.process_time() - start - spent[0])
    return 1000 * best


def row(family: Family, denoiser: DrivenDenoiser, found: Compared) -> str:
    """A line of the table."""
    kind = type(denoiser.published.network).__name__
    aliases = ", ".join(f"`{name}`" for name in family.aliases)
    figures = f"{found.x0:.0e} | {found.told:.0e} | {overhead(denoiser):.1f}"
    return f"| `{family.name}` | {aliases} | `{TINY[family.name].network}` | `{kind}` | {figures} |"


def main() -> None:
    """Compare all families and write the file."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    _torchvision_cpu.install()
    import diffusers
    import transformers

    diffusers.logging.set_verbosity_error()
    rows = []
    with tempfile.TemporaryDirectory() as root:
        for family in DRIVEN:
            folder = make_family(family.name, Path(root) / family.name)
            denoiser = open_family(ModelStore().find(str(folder)), Run())
            rows.append(row(family, denoiser, compare(denoiser, folder)))
    text = _TEXT.format(
        rows="\n".join(rows),
        steps=STEPS,
        calls=_CALLS,
        diffusers=diffusers.__version__,
        transformers=transformers.__version__,
    )
    Path(sys.argv[1]).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
