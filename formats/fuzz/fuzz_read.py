"""Coverage-guided fuzzing of the reader with atheris, an optional addition to tests/test_fuzz.py.

    pip install atheris
    python formats/fuzz/fuzz_read.py -max_total_time=60 -max_len=4096 [corpus folder] [spec/vectors/gcx]

An odd first byte of the input asks for right checksums in the rest, so that the parser behind them is reached. Anything but
FormatError is a crash, and so is a file that is read but written differently.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).parents[1] / "tests"))

with atheris.instrument_imports():
    from fuzzing import mend, use


def one_input(data: bytes) -> None:
    """One run."""
    odd, rest = data[:1], data[1:]
    use(mend(rest) if odd and odd[0] & 1 else rest)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
