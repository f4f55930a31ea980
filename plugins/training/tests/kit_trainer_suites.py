"""The conformance suite on a sound and on defective trainers; `test_trainer_kit` runs it in a process of its own."""

from __future__ import annotations

import kit_trainer_plugin

from gcodec_train.testing import TrainerConformance

for _name in kit_trainer_plugin.TRAINERS:
    _recipe = {
        "task": f"kit/{_name.lower()}",
        "seed": 1,
        "plan": {"steps": 4, "lr": 1e-2, "warmup": 1, "ema": 0.5},
        "data": {"crop": 16},
        "network": {"width": 2},
    }
    globals()[f"Test{_name}"] = type(f"Test{_name}", (TrainerConformance,), {"recipe": _recipe})
