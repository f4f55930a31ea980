#!/usr/bin/env bash
# zstandard 0.25.0: of a file of several frames decompress() returns the first, without a word.
#
# Expected: frames one behind another are a file, as RFC 8878 and the program zstd have it: its
# contents are joined. gzip, bz2 and lzma of Python do so too, and numcodecs and imagecodecs with zstd.
# What happens: zstandard.decompress(), ZstdDecompressor().decompress() and read_to_iter() stop behind
# the first frame and take the rest for none of their business: no error, no warning. stream_reader()
# and open() of the same package read on. Which one is asked decides how much there is.
# Why it matters: tools that compress on several threads (pzstd) or append to what is there write such
# files. A table of samples or a shard of pictures is then merely short. Pass allow_extra_data=False
# to decompress(), which then refuses, or read by stream_reader(file, read_across_frames=True).
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'zstandard==0.25.0' 'numcodecs==0.16.6' 'imagecodecs==2026.1.14' 'numpy==2.4.6'
"$dir/venv/bin/python" - <<'PYTHON'
import gzip
import io
from importlib.metadata import version
import imagecodecs
import numcodecs
import zstandard

print(*(f"{name} {version(name)} " for name in ("zstandard", "numcodecs", "imagecodecs")))
parts = [bytes([number]) * 1000 for number in range(3)]
file = b"".join(zstandard.compress(part) for part in parts)
whole, first = b"".join(parts), parts[0]
reader = zstandard.ZstdDecompressor()


def opened(data):
    with zstandard.open(io.BytesIO(data)) as stream:
        return stream.read()


seen = {
    "zstandard.decompress": zstandard.decompress(file),
    "ZstdDecompressor().decompress": reader.decompress(file),
    "read_to_iter": b"".join(reader.read_to_iter(io.BytesIO(file))),
    "stream_reader().read()": reader.stream_reader(io.BytesIO(file)).read(),
    "read_across_frames=True": reader.stream_reader(io.BytesIO(file), read_across_frames=True).read(),
    "zstandard.open": opened(file),
    "numcodecs.Zstd": bytes(numcodecs.Zstd().decode(file)),
    "imagecodecs.zstd_decode": imagecodecs.zstd_decode(file),
    "gzip, three members": gzip.decompress(b"".join(map(gzip.compress, parts))),
}
for name, found in seen.items():
    print(f"{name:30} {len(found)} of {len(whole)} bytes")
try:
    reader.decompress(file, allow_extra_data=False)
    refused = False
except zstandard.ZstdError as error:
    refused = True
    print("allow_extra_data=False:", error)
short = [name for name, found in seen.items() if found == first]
ok = short == list(seen)[:3] and all(found == whole for found in list(seen.values())[3:])
raise SystemExit(not (ok and refused) and f"changed: short by {short}, refused {refused}")
PYTHON
