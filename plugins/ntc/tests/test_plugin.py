"""The light module: specs that agree with the shipped weights, and no heavy imports."""

from __future__ import annotations

import subprocess
import sys

import gcodec_base.plugin
from gcodec_ntc.plugin import gcodec_embeddings
from gcodec_ntc.whole import LEVELS


def test_the_profiles_pin_the_shipped_weights(model, whole_model):
    (spec,) = gcodec_embeddings()
    assert (spec.id, spec.model, spec.levels) == (16, "base/ntc_range", LEVELS)
    pinned = {profile.id: profile.model for profile in spec.profiles if not profile.withdrawn}
    assert pinned == {6: model.digest, 7: whole_model.digest}
    assert whole_model.config["networks"] == model.digest


def test_specs_import_nothing_heavy():
    code = (
        "import sys, gcodec_ntc.plugin, gcodec_base.plugin;"
        "assert not {'torch', 'numpy', 'PIL'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_listed_model_is_there():
    for spec in gcodec_base.plugin.MODELS:
        assert len(spec.digest) == 64
