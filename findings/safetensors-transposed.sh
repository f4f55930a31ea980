#!/usr/bin/env bash
# safetensors 0.8.0: of a transposed or strided NumPy array other values are saved than it has.
#
# Expected: what was saved is what is loaded; or an error, as safetensors.torch raises one for a tensor
# that is not contiguous. The documentation asks for contiguous arrays; nothing checks.
# What happens: the shape is the array's, and the values are those that lie in memory from its first
# one on. A transposed array comes back in another order; of every second column there are the first
# rows, whole. No error; the file is sound.
# Why it matters: a transpose makes such a view, and [H, W, C] to [C, H, W] is the commonest of all.
# Pictures come back as shreds, and weights as noise of the right mean and variance, which no check of
# shapes or statistics notices. Save numpy.ascontiguousarray(x).
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'safetensors==0.8.0' 'numpy==2.4.6'
"$dir/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
import numpy as np
from safetensors.numpy import load, save

print(*(f"{name} {version(name)} " for name in ("safetensors", "numpy")))
picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
weights = np.random.default_rng(0).standard_normal((64, 32)).astype(np.float32)
views = {
    "as it is": picture,
    "transpose(2, 0, 1)": picture.transpose(2, 0, 1),
    "every second column": picture[:, ::2],
    "Fortran order": np.asfortranarray(weights),
    "weights.T": weights.T,
}
seen = {}
for name, view in views.items():
    found = load(save({"x": view}))["x"]
    whole = load(save({"x": np.ascontiguousarray(view)}))["x"]
    lies = view.base if view.base is not None else view
    lies = lies.ravel("K")[: view.size].reshape(view.shape)  # what lies there, in the order of memory
    seen[name] = np.array_equal(found, view), np.array_equal(found, lies)
    print(f"{name:20} shape {found.shape}: {'equal' if seen[name][0] else 'OTHER VALUES'}"
          f" ({(found == view).mean():.0%} of them right), mean {found.mean():.4f} of {view.mean():.4f};"
          f" made contiguous first: {'equal' if np.array_equal(whole, view) else 'OTHER VALUES'}")
    if not np.array_equal(whole, view) or found.shape != view.shape:
        raise SystemExit(f"changed: {name}")
ok = seen["as it is"] == (True, True) and all(s == (False, True) for s in list(seen.values())[1:])
raise SystemExit(0 if ok else f"changed: {seen}")
PYTHON
