"""Weights of gcodec's embedded defaults; no code but the list of models."""
