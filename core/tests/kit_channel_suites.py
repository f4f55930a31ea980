"""The suite for the channels of `kit_channel_plugin`; run by `test_channel_kit` where that plugin is installed."""

from __future__ import annotations

import kit_channel_plugin

from gcodec.testing import ChannelConformance

#: 8 blocks of 40 dimensions; 2 bits a block are sent exactly, and of 10 three quarters of |m| are conveyed.
_SETTINGS = {
    "bits": 80,
    "dimensions": 320,
    "along": (0.72, 0.82),
    "spread": (0.5, 1.0),
    "less": 0.2,
    "cost": (1.0, 1.0),
}

for _name in (*kit_channel_plugin.NAMES, "Colon", "Unfixed", "Nowhere"):
    _settings = {"name": f"kit/{_name.lower()}", **_SETTINGS}
    globals()[f"Test{_name}"] = type(f"Test{_name}", (ChannelConformance,), _settings)
