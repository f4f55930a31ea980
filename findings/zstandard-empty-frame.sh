#!/usr/bin/env bash
# python-zstandard 0.25.0: a frame that states a content of 0 bytes is never decoded.
#
# Expected: ZstdDecompressor().decompress refuses a frame that is cut, whose content
# checksum is wrong, that holds more than it states, or that other data follow, as it
# does with any other frame (and as the zstd command does).
# What happens: it reads the content size in the header, sees 0 and returns b"" at
# once. Everything behind the header goes unread, also with allow_extra_data=False.
# Why it matters: a reader that relies on the call to find damage, or to make sure
# that a part of its format is exactly one frame, accepts infinitely many files for
# one, and data can hide behind the frame. A decompressobj() does look.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'zstandard==0.25.0'
"$dir/venv/bin/python" - <<'PYTHON'
import zstandard

print("zstandard", zstandard.__version__, "libzstd", zstandard.ZSTD_VERSION)
empty = zstandard.ZstdCompressor(write_checksum=True).compress(b"")
block = (1 | 7 << 3).to_bytes(3, "little") + b"content"
cases = {
    "sound": empty,
    "without its last byte": empty[:-1],
    "the checksum changed": empty[:-1] + bytes([empty[-1] ^ 1]),
    "followed by other data": empty + b"other data",
    "holds 7 bytes": empty[:6] + block,
    "the same, stating 7": empty[:5] + b"\x07" + block[:-1],
}
seen = {}
for name, frame in cases.items():
    told = {}
    for way in ("decompress", "decompressobj"):
        try:
            if way == "decompress":
                made = zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False)
            else:
                reader = zstandard.ZstdDecompressor().decompressobj()
                made = reader.decompress(frame)
                if not reader.eof or reader.unused_data:
                    raise zstandard.ZstdError("no end, or more than a frame")
            told[way] = repr(made)
        except zstandard.ZstdError as error:
            told[way] = "refused"
    seen[name] = told
    print(f"{name:24} decompress: {told['decompress']:10} decompressobj: {told['decompressobj']}")
bad = [name for name in list(cases)[1:5] if seen[name] != {"decompress": "b''", "decompressobj": "refused"}]
bad += [name for name in ["the same, stating 7"] if seen[name]["decompress"] != "refused"]
raise SystemExit(f"changed: {bad}" if bad else 0)
PYTHON
