"""The light module: specs that agree with the shipped weights, and no heavy imports."""

from __future__ import annotations

import subprocess
import sys

import gcodec_base.plugin
from gcodec_ntc.plugin import gcodec_embeddings


def test_the_profile_pins_the_shipped_weights(model):
    (spec,) = gcodec_embeddings()
    assert (spec.id, spec.profiles[-1].id, spec.model) == (16, 2, "base/ntc")
    assert spec.profiles[-1].model == model.digest


def test_specs_import_nothing_heavy():
    code = (
        "import sys, gcodec_ntc.plugin, gcodec_base.plugin;"
        "assert not {'torch', 'numpy', 'PIL'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_listed_model_is_there():
    for spec in gcodec_base.plugin.MODELS:
        assert len(spec.digest) == 64
