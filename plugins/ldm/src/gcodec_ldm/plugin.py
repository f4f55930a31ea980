"""Specs of gcodec-ldm. Imports neither torch nor NumPy."""
