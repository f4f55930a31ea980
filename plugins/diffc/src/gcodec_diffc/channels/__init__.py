"""Channel simulators: schemes that implement `gcodec.channels.Channel`, and universal quantization."""

from gcodec_diffc.channels._antipodal import Antipodal
from gcodec_diffc.channels._chunked import Chunked, shared
from gcodec_diffc.channels._codebook import Codebook
from gcodec_diffc.channels._dithered import Dithered, Logistic
from gcodec_diffc.channels._folded import Folded
from gcodec_diffc.channels._hadamard import Hadamard
from gcodec_diffc.channels._orc import Orc
from gcodec_diffc.channels._pfr import Pfr
from gcodec_diffc.channels._trellis import Trellis

__all__ = [
    "Antipodal",
    "Chunked",
    "Codebook",
    "Dithered",
    "Folded",
    "Hadamard",
    "Logistic",
    "Orc",
    "Pfr",
    "Trellis",
    "shared",
]
