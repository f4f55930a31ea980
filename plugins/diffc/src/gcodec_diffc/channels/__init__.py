"""Channel simulators: one interface, `Channel`, and the schemes that implement it."""

from gcodec_diffc.channels._interface import Channel, Common, Gaussian

__all__ = ["Channel", "Common", "Gaussian"]
