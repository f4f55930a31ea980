"""Specs of gcodec-text-sketch. Imports neither torch nor NumPy."""
