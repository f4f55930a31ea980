"""The alpha segment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gcodec.pictures import pack_alpha, unpack_alpha
from gcodec_formats import DEFAULT_LIMITS, Size

RNG = np.random.default_rng(7)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_segment_is_lossless(dtype: Any) -> None:
    alpha = RNG.integers(0, np.iinfo(dtype).max, (7, 9), dtype=dtype)
    again = unpack_alpha(pack_alpha(alpha), Size(7, 9))
    assert again.dtype == dtype and np.array_equal(again, alpha)
    assert DEFAULT_LIMITS.pixels >= alpha.size
