#!/usr/bin/env bash
# CompressAI 1.2.8: one latent that is NaN, or over 2^27 or so, and `compress` never returns.
#
# Expected: an error, or a symbol that comes back.
# What happens: a symbol outside its table is sent as as many groups of four bits as it
# takes. The encoder counts them with shifts of a 32-bit number until nothing is left.
# From 2^27 on the shift is by 32 bits, which on x86 is one by none: something is always
# left, and the loop has no end. It runs in C++, so Ctrl-C does not reach it, nor a
# timeout that is set in Python. torch makes -2147483648 of NaN where it becomes a symbol.
# Why it matters: a network that overflows on one picture, in half precision say, does
# not fail; the service that runs it stands still with one core at full load.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
# The coder is a module of its own: nothing else of the package is needed, torch neither.
"$dir/venv/bin/pip" install -q --no-deps 'compressai==1.2.8'
"$dir/venv/bin/python" - <<'PYTHON'
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec

print(f"compressai {version('compressai')}, Python {sys.version.split()[0]}")
code = """
import sys
sys.path.insert(0, sys.argv[1])
import ans
tables = [0], [[0, 30000, 60000, 65535, 65536]], [5], [0]
data = ans.RansEncoder().encode_with_indexes([int(sys.argv[2])], *tables)
print(ans.RansDecoder().decode_with_indexes(data + bytes(64), *tables)[0])
"""
(place,) = find_spec("compressai").submodule_search_locations
seen = {}
for name, symbol in (
    ("2^20", 2**20), ("-2^26", -2**26), ("2^27 - 1", 2**27 - 1), ("2^27 + 9", 2**27 + 9), ("what NaN becomes", -2**31)
):
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, place, str(symbol)], capture_output=True, text=True, timeout=10
        )
        seen[name] = done.stdout.strip() == str(symbol)
        print(f"{name}: {'comes back' if seen[name] else done.stdout + done.stderr}")
    except subprocess.TimeoutExpired:
        seen[name] = None
        print(f"{name}: nothing after 10 seconds")
expected = [True, True, True, None, None]
raise SystemExit("changed" if list(seen.values()) != expected else 0)
PYTHON
