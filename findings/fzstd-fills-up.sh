#!/usr/bin/env bash
# fzstd 0.1.1 (npm): a frame that holds less than it states is filled up with zeros, and
# content checksums are not looked at.
#
# Expected: decompress throws for a frame whose content is shorter than the size in its
# header, and for one whose content checksum is wrong, as RFC 8878 says and as the zstd
# command does ("corruption detected", "Restored data doesn't match checksum").
# What happens: it allocates what the header states, decodes into that, and returns all
# of it. The four bytes of the checksum are skipped (its documentation says the latter).
# Why it matters: a reader that compares the length of what it gets with the size in the
# header, to find damage, compares the number with itself.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"type": "module"}' > package.json
npm install --silent --no-audit --no-fund 'fzstd@0.1.1'
cat > see.js <<'JAVASCRIPT'
import { decompress } from "fzstd";
import { readFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync("node_modules/fzstd/package.json", "utf8"));
console.log("fzstd", version, "node", process.versions.node);
// one raw block of the 7 bytes "content"; byte 4 says: content size of one byte, no window, and (04) a checksum
const block = [1 | (7 << 3), 0, 0, ...Buffer.from("content")];
const cases = {
  "states 7": [0x20, 7, ...block],
  "states 12": [0x20, 12, ...block],
  "a wrong checksum": [0x24, 7, ...block, 1, 2, 3, 4],
};
const seen = {};
for (const [name, rest] of Object.entries(cases)) {
  try {
    seen[name] = JSON.stringify(Buffer.from(decompress(Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, ...rest]))).toString());
  } catch (error) {
    seen[name] = `refused: ${error.message}`;
  }
  console.log(name.padEnd(18), seen[name]);
}
const same = seen["states 12"] === '"content\\u0000\\u0000\\u0000\\u0000\\u0000"' && seen["a wrong checksum"] === '"content"';
if (!same || seen["states 7"] !== '"content"') throw new Error("changed");
JAVASCRIPT
node see.js
