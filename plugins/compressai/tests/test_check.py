"""The sender lets a second process decode before it hands a file out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from compressai_models import picture

import gcodec
from gcodec.errors import ModelDamaged
from gcodec_compressai.checking import NotPortable
from gcodec_compressai.library import class_of


def checkpoint(own: str, name: str, folder: Path) -> tuple[str, str]:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        net = class_of(f"{own}:{name}", "a test")()
    torch.save(net.state_dict(), folder / "mine.pt")
    return str(folder / "mine.pt"), f"{own}:{name}"


def encode(own: str, name: str, folder: Path, check: bool, size: int = 40) -> bytes:
    model, arch = checkpoint(own, name, folder)
    options = {"arch": arch, "check": check}
    return gcodec.encode(picture(size, 50), "compressai", model=model, options=options).data


def test_what_depends_on_threads_is_refused_with_advice(own: str, tmp_path: Path) -> None:
    with pytest.raises(NotPortable) as caught:
        encode(own, "Threads", tmp_path, True)
    said = str(caught.value)
    assert caught.value.exit_status == 11 and "\n" not in said
    assert "second process" in said and "--embed ntc" in said and "--device cpu" in said
    # Without the check nobody notices: it is there for a reason.
    assert gcodec.decode(encode(own, "Threads", tmp_path, False)).picture.pixels.shape == (
        3,
        40,
        50,
    )


def test_what_the_sender_itself_reads_otherwise_is_refused(own: str, tmp_path: Path) -> None:
    with pytest.raises(NotPortable, match="other symbols than its compress wrote"):
        encode(own, "Liar", tmp_path, False)


def test_a_network_that_fails_on_this_picture_is_one_line(own: str, tmp_path: Path) -> None:
    with pytest.raises(ModelDamaged, match=r"50x240: RuntimeError: no memory$"):
        encode(own, "Fails", tmp_path, False, size=240)
    with pytest.raises(ModelDamaged, match="not a finite number"):
        encode(own, "NotFinite", tmp_path, False, size=240)


def test_no_process_is_left(own: str, tmp_path: Path) -> None:
    import gc
    import weakref

    from gcodec_compressai.checking import Second

    model, arch = checkpoint(own, "Mine", tmp_path)
    options = {"arch": arch}
    made = []
    started = Second.start

    def start(self: Second) -> None:
        started(self)
        assert self._process is not None
        made.append((self._process, weakref.ref(self)))

    Second.start = start  # type: ignore[method-assign]
    try:
        gcodec.encode(picture(40, 50), "compressai", model=model, options=options)
    finally:
        Second.start = started  # type: ignore[method-assign]
    gc.collect()
    assert made and all(process.returncode == 0 for process, _ in made)
