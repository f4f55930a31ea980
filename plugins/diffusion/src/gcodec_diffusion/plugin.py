"""Specs of gcodec-diffusion. Imports neither torch nor NumPy."""
