#!/usr/bin/env bash
# Ray 2.60.0: to connect to an address where nobody listens takes minutes, without an
# exception.
#
# Expected: ray.init("127.0.0.1:1") raises ConnectionError at once, as the system
# refuses the connection; or after the 5 seconds that its log speaks of.
# What happens: it tries again and again, logs two lines for each try of 40 seconds,
# and was still at it after nine minutes. An address that another program listens at
# is the same.
# Why it matters: a command of one's own that takes the address of a cluster hangs on
# a wrong digit, and ray.init takes no limit: try the port first, and connect in a
# process that can be ended.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'ray==2.60.0'
"$dir/venv/bin/python" - <<'PYTHON'
import socket
import subprocess
import sys
import time

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
address = f"127.0.0.1:{port}"
start = time.monotonic()
try:
    socket.create_connection(("127.0.0.1", port)).close()
except ConnectionRefusedError:
    print(f"the system refuses {address} after {1000 * (time.monotonic() - start):.1f} ms")
import ray

print("Ray", ray.__version__)
connect = f"import ray; ray.init({address!r}, logging_level='ERROR')"
try:
    subprocess.run([sys.executable, "-c", connect], timeout=90, stderr=subprocess.DEVNULL)
except subprocess.TimeoutExpired:
    print("ray.init has neither returned nor raised after 90 s")
else:
    raise SystemExit("changed: ray.init ends by itself")
PYTHON
