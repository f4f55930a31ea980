"""Exact entropy coding: integers in, the same integers out, on every machine.

coder                     range coding of symbols under tables of frequencies
integers, integer_model   networks whose every sum is exact, so that they may choose the tables
model, mean_scale         the same networks in floating point, to train
captions                  text
"""

from __future__ import annotations

from gcodec.entropy.coder import (
    PRECISION,
    Decoder,
    Encoder,
    FrequencyTables,
    RowDecoder,
    RowEncoder,
    fit_frequencies,
    rounded,
)

__all__ = [
    "PRECISION",
    "Decoder",
    "Encoder",
    "FrequencyTables",
    "RowDecoder",
    "RowEncoder",
    "fit_frequencies",
    "rounded",
]
