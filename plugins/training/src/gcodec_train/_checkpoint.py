"""A training on disk: the exact checkpoint, with which it goes on bit for bit, and the small one that travels.

The exact one is a safetensors file. The one that travels ("carry") fits where little may be taken along: at most
`CARRY_FILES` files of at most `CARRY_FILE` bytes, `CARRY_TOTAL` bytes together:

    carry.json         step, recipe, what is held, names and SHA-256 of the parts
    state-XXXXXXXX.N   parts of one safetensors file, cut at `CARRY_FILE` bytes
    log.jsonl          the log so far

It holds as much as fits: network, average and moments (8 bytes a parameter), or network and average (4), or the
average alone (2). Weights are rounded to float16, moments to bfloat16, for its range. A training that goes on without
its moments begins them anew, and its learning rate rises again over the plan's `warmup`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors

from gcodec.errors import CheckpointError
from gcodec.files import atomic_write
from gcodec_train._recipe import differences
from gcodec_train._state import State

__all__ = [
    "About",
    "carry_step",
    "checkpoint_step",
    "load_carry",
    "load_checkpoint",
    "save_carry",
    "save_checkpoint",
]

CARRY_FILES, CARRY_FILE, CARRY_TOTAL = 8, 16 << 20, 64 << 20
_MANIFEST, _LOG = "carry.json", "log.jsonl"
#: Left free for the manifest, which holds the recipe.
_MANIFEST_ROOM = 1 << 17
#: What may be held, the first that fits: prefixes of the state's tensors.
_HOLDINGS = (("network", "average", "adam"), ("network", "average"), ("average",))

#: Keys of the recipe that may change on the way: how long to go on, and what is only watched.
_FREE = frozenset({"plan.steps", "plan.decay", "plan.evaluate"})


@dataclass(frozen=True)
class About:
    """What a saved state says of itself.

    step, since   see `State`.
    recipe        of the training.
    data          digests of the sets of photographs that it has seen, the present one last.
    """

    step: int
    since: int
    recipe: Mapping[str, Any]
    data: tuple[str, ...] = ()


def save_checkpoint(path: Path, state: State, about: About) -> None:
    """Write everything, whole or not at all. Raises OutputError."""
    # A clone of each: two names of one tensor are refused.
    tensors = {name: value.contiguous().clone() for name, value in state.tensors().items()}
    with atomic_write(path, force=True) as file:
        file.write(safetensors.save(tensors, {"about": json.dumps(asdict(about), sort_keys=True)}))


def load_checkpoint(path: Path, state: State, recipe: Mapping[str, Any]) -> About:
    """Go on from an exact checkpoint. Raises CheckpointError where it is damaged or of another recipe or network."""
    try:
        with safe_open(path, "pt") as file:
            about = _about(path, json.loads((file.metadata() or {})["about"]))
            _check_recipe(path, about, recipe)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(
            path, f"no checkpoint, or a damaged one; remove it ({error})"
        ) from error
    _restore(path, state, tensors, about.step, about.since)
    return about


def checkpoint_step(path: Path) -> int:
    """Return the step of an exact checkpoint, -1 if there is none. Raises CheckpointError."""
    if not path.exists():
        return -1
    try:
        with safe_open(path, "pt") as file:
            return _about(path, json.loads((file.metadata() or {})["about"])).step
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(
            path, f"no checkpoint, or a damaged one; remove it ({error})"
        ) from error


def save_carry(folder: Path, state: State, about: About, log: Path) -> tuple[str, ...]:
    """Write the small checkpoint; returns what it holds of "network", "average" and "adam".

    Raises CheckpointError where not even the average fits, OutputError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    history = log.read_bytes() if log.exists() else b""
    room = CARRY_TOTAL - _MANIFEST_ROOM - len(history)
    held, data = _fitting(folder, state, room)
    digest = hashlib.sha256(data).hexdigest()
    parts = [data[at : at + CARRY_FILE] for at in range(0, len(data), CARRY_FILE)]
    names = [f"state-{digest[:8]}.{n}" for n in range(len(parts))]
    manifest = {**asdict(about), "holds": held, "parts": names, "sha256": digest}
    # The manifest last: until then the former one names the former parts, which are all there.
    for name, part in zip(names, parts, strict=True):
        with atomic_write(folder / name, force=True) as file:
            file.write(part)
    for name, content in ((_LOG, history), (_MANIFEST, json.dumps(manifest, indent=1).encode())):
        with atomic_write(folder / name, force=True) as file:
            file.write(content)
    for old in set(folder.glob("state-*")) - {folder / name for name in names}:
        old.unlink()
    return held


def _fitting(folder: Path, state: State, room: int) -> tuple[tuple[str, ...], bytes]:
    """Return the fullest holding within `room` bytes, and its bytes."""
    halves = {name: _half(name, value) for name, value in state.tensors().items()}
    for held in _HOLDINGS:
        chosen = {name: v for name, v in halves.items() if name.partition(".")[0] in held}
        data: bytes = safetensors.save(chosen)
        if len(data) <= room:
            return held, data
    raise CheckpointError(
        folder,
        f"the average alone takes {len(data)} bytes and {CARRY_TOTAL} may travel;"
        " train a smaller network or without --carry",
    )


def _half(name: str, value: torch.Tensor) -> torch.Tensor:
    value = value.contiguous().clone()
    if not value.is_floating_point() or value.ndim == 0:
        return value
    half = value.half()
    if name.startswith("adam.") or not bool(half.isfinite().all()):
        return value.bfloat16()
    return half


def carry_step(folder: Path) -> int:
    """Return the step of the small checkpoint in a folder, -1 if there is none. Raises CheckpointError."""
    return _manifest(folder)[0].step if (folder / _MANIFEST).exists() else -1


def load_carry(folder: Path, state: State, recipe: Mapping[str, Any], log: Path) -> About:
    """Go on from the small checkpoint in a folder, its log included. Raises CheckpointError."""
    about, manifest = _manifest(folder)
    _check_recipe(folder, about, recipe)
    try:
        data = b"".join((folder / Path(name).name).read_bytes() for name in manifest["parts"])
        if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            raise ValueError("the parts are not those that carry.json names")
        tensors = safetensors.load(data)
        with atomic_write(log, force=True) as file:
            file.write((folder / _LOG).read_bytes())
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(folder, f"cannot go on from it: {error}; copy it again") from error
    tensors = {name: v.float() if v.is_floating_point() else v for name, v in tensors.items()}
    if "network" not in manifest["holds"]:
        tensors |= {f"network.{k.removeprefix('average.')}": v for k, v in tensors.items()}
    since = about.since if "adam" in manifest["holds"] else about.step
    _restore(folder, state, tensors, about.step, since)
    return about


def _manifest(folder: Path) -> tuple[About, dict[str, Any]]:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        return _about(folder, manifest), manifest
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(folder / _MANIFEST, f"damaged ({error}); copy it again") from error


def _about(path: Path, found: Mapping[str, Any]) -> About:
    return About(found["step"], found["since"], found["recipe"], tuple(found["data"]))


def _check_recipe(path: Path, about: About, recipe: Mapping[str, Any]) -> None:
    differing = {k: v for k, v in differences(about.recipe, recipe).items() if k not in _FREE}
    if differing:
        words = "; ".join(f"{key} is {values}" for key, values in differing.items())
        advice = "go on with its recipe, or name another --out"
        raise CheckpointError(path, f"of another training: {words}; {advice}", [*differing])


def _restore(
    path: Path, state: State, tensors: Mapping[str, torch.Tensor], step: int, since: int
) -> None:
    try:
        state.restore(tensors, step, since)
    except RuntimeError as error:
        advice = "the trainer has changed since; name another --out"
        raise CheckpointError(path, f"of another network: {error}; {advice}") from error
