"""Channel simulators: one interface, `Channel`, and the schemes that implement it."""

from gcodec_diffc.channels._interface import Channel, Common, Gaussian
from gcodec_diffc.channels._trellis import Trellis

__all__ = ["Channel", "Common", "Gaussian", "Trellis"]
