"""Where CompressAI is not installed, the plugin is listed and says so."""

from __future__ import annotations

import numpy as np
import pytest

import gcodec
from gcodec.errors import UnusablePlugin
from gcodec.registry import registry


def test_who_asks_for_it_is_told_what_to_install() -> None:
    spec = registry().embeddings["compressai"]
    assert "pip install" in registry().missing(spec)
    with pytest.raises(UnusablePlugin, match="pip install"):
        gcodec.encode(gcodec.Picture.from_array(np.zeros((8, 8, 3), np.uint8)), "compressai")
