#!/usr/bin/env bash
# CompressAI 1.2.8: a string that is cut, even an empty one, decodes without an error, to what lies behind it in memory.
#
# Expected: an error, or at least the same symbols each time.
# What happens: the decoder is given bytes and no length. It takes 32-bit words from
# where the string begins for as long as symbols are asked for, and where the string
# has ended it goes on in the heap. The same eight bytes decode to other symbols from
# call to call, depending on what the process had there before.
# Why it matters: a truncated file looks like a whole one with a strange picture, not
# like damage. What is read belongs to somebody: bytes of the heap come out as pixels.
# And a length taken from a hostile file walks the decoder out of its memory.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
# The coder is a module of its own: nothing else of the package is needed, torch neither.
"$dir/venv/bin/pip" install -q --no-deps 'compressai==1.2.8'
"$dir/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
from importlib.util import find_spec

print(f"compressai {version('compressai')}, Python {sys.version.split()[0]}")
sys.path[:0] = find_spec("compressai").submodule_search_locations
import ans

symbols = [i % 3 for i in range(4000)]
tables = [0] * len(symbols), [[0, 30000, 60000, 65535, 65536]], [5], [0]
data = ans.RansEncoder().encode_with_indexes(symbols, *tables)
bad = []
for length in (len(data), 8, 0):
    seen = set()
    for byte in range(1, 7):
        left = [bytes([byte]) * size for size in range(16, 20000, 16)]
        del left  # the heap has been used, as it is in any program
        seen.add(tuple(ans.RansDecoder().decode_with_indexes(data[:length], *tables)))
    print(f"{length} of {len(data)} bytes, decoded six times: {len(seen)} different results, no error")
    if (len(seen) == 1) is not (length == len(data)):
        bad.append(length)
raise SystemExit(f"changed at {bad}" if bad else 0)
PYTHON
