"""Coverage-guided fuzzing of every payload decoder with atheris, an optional addition to tests/test_payloads.py.

    pip install atheris
    python tests/fuzz/fuzz_payloads.py perco text_sketch -max_total_time=60 -max_len=4096 [corpus folder]

The input says which sound file of the vectors is taken, and how its layers are edited. Embeddings are named before the
options of libFuzzer; without any, all that have vectors are taken. Anything but a refusal in one line is a crash, and so is
a payload that reads twice as two things.
"""

from __future__ import annotations

import pkgutil
import sys
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).resolve().parents[1]))

#: What is watched: the core and every plugin. Plugins are imported when a file is opened, so files are opened here.
OURS = [module.name for module in pkgutil.iter_modules() if module.name.startswith("gcodec")]

with atheris.instrument_imports(include=OURS):
    from payloads import NAMES, mutated, sound, use

    import gcodec_formats as gcx

    WANTED = [word for word in sys.argv[1:] if word in NAMES]
    FILES = [file for name in WANTED or NAMES for file in sound(name)]


def one_input(data: bytes) -> None:
    """One run."""
    said = atheris.FuzzedDataProvider(data)
    file = FILES[said.ConsumeIntInRange(0, len(FILES) - 1)]
    size = file.size
    if said.ConsumeBool():
        size = gcx.Size(said.ConsumeIntInRange(1, 40), said.ConsumeIntInRange(1, 40))
    edits = []
    while said.remaining_bytes() and len(edits) < 8:
        kind, place = said.ConsumeIntInRange(0, 5), said.ConsumeIntInRange(0, 1 << 14)
        edits.append((kind, place, said.ConsumeBytes(said.ConsumeIntInRange(0, 64))))
    use(file.embedding, mutated(file.layers, edits), size)


if __name__ == "__main__":
    atheris.Setup([word for word in sys.argv if word not in WANTED], one_input)
    atheris.Fuzz()
