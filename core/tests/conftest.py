"""Fixtures of the core's tests."""

from __future__ import annotations

import sys
from pathlib import Path

# The helpers beside this file, and the plugin under test, are imported by name, in other processes too.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from shared_fixtures import *  # noqa: F403
