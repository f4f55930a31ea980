"""Channel simulators: one interface, `Channel`, and the schemes that implement it."""

from gcodec_diffc.channels._chunked import Chunked
from gcodec_diffc.channels._codebook import Codebook
from gcodec_diffc.channels._dithered import Dithered, Logistic
from gcodec_diffc.channels._interface import Channel, Common, Gaussian
from gcodec_diffc.channels._orc import Orc
from gcodec_diffc.channels._pfr import Pfr
from gcodec_diffc.channels._trellis import Trellis

__all__ = [
    "Channel",
    "Chunked",
    "Codebook",
    "Common",
    "Dithered",
    "Gaussian",
    "Logistic",
    "Orc",
    "Pfr",
    "Trellis",
]
