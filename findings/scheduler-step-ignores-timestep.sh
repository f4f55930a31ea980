#!/usr/bin/env bash
# diffusers 0.42.1: of ten schedulers, two take their step from the timestep they are given.
#
# Expected: step(model_output, timestep, sample) is the step from that timestep, as its documentation
# says ("The current discrete timestep in the diffusion chain"), whatever was asked before.
# What happens: DDPM and DDIM do so. The eight others look at the timestep once, in the first call after
# set_timesteps(), and then count calls: any timestep, even one of no schedule at all, gives the same
# result. A second picture goes on where the first one stopped. If that was before the end, nothing is
# said; a progressive decoder, or a search for how many steps a picture needs, stops there by design.
# Why it matters: in compression by diffusion each picture begins at a timestep of its own and may be shown
# before the last one. A loop that is right with DDIM decodes with DPM-Solver or Euler another picture,
# which hangs on the one before, at the sender's another than at the receiver's. Call set_timesteps()
# before each picture, and never step out of order.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'diffusers==0.42.1' 'torch==2.13.0' 'numpy==1.26.4'
"$dir/venv/bin/python" - <<'PYTHON'
import copy
from importlib.metadata import version

import diffusers
import torch

print(*(f"{name} {version(name)} " for name in ("diffusers", "torch")))
diffusers.utils.logging.set_verbosity_error()
first, second, noise = torch.randn(3, 1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
true = ("DDPM", "DDIM")
count = ("EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete", "DPMSolverSinglestep", "DPMSolverMultistep")
count += ("UniPCMultistep", "DEISMultistep", "FlowMatchEulerDiscrete")


def step(scheduler, timestep, sample):
    if hasattr(scheduler, "scale_model_input"):
        scheduler.scale_model_input(sample, timestep)  # as every loop does; the noise is given here
    randomness = {}
    if "generator" in scheduler.step.__code__.co_varnames:
        randomness["generator"] = torch.Generator().manual_seed(1)
    return scheduler.step(noise, timestep, sample, **randomness).prev_sample


def decode(scheduler, sample, timesteps):
    for timestep in timesteps:
        sample = step(scheduler, timestep, sample)
    return sample


def decibels(one, other):
    """The signal over the error, at most 99."""
    return min(99, 10 * torch.log10(other.square().mean() / (one - other).square().mean().clamp(min=1e-20)).item())


seen = {}
for name in true + count:
    scheduler = getattr(diffusers, f"{name}Scheduler")()
    scheduler.set_timesteps(10)
    begin, timesteps = copy.deepcopy(scheduler), scheduler.timesteps.unique().flip(0)  # Heun has each twice
    step(scheduler, timesteps[2], first)
    asked = [*timesteps] + [torch.tensor(0.123)] * (name in count)
    results = [step(copy.deepcopy(scheduler), timestep, second) for timestep in asked]
    different = len({tuple(result.flatten().tolist()) for result in results})
    alone = decode(copy.deepcopy(begin), second, timesteps[5:7])
    shared = copy.deepcopy(begin)
    decode(shared, first, timesteps[5:8])  # the first picture is shown before the last step
    after = decode(shared, second, timesteps[5:7])
    shared.set_timesteps(10)
    again = decode(shared, second, timesteps[5:7])
    seen[name] = different, decibels(after, alone), torch.equal(again, alone)
    print(f"{name:22}: a second step from each of {len(asked)} timesteps has {different:2} results;"
          f" a second picture is {seen[name][1]:5.1f} dB (SNR) from itself decoded alone,"
          f" with set_timesteps() equal: {seen[name][2]}")
ok = all(seen[name] == (10, 99, True) for name in true)
ok = ok and all(n == 1 and db < 25 and again for n, db, again in (seen[name] for name in count))
raise SystemExit(0 if ok else f"changed: {seen}")
PYTHON
