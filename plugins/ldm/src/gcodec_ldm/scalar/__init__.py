"""Latents rounded to a grid of any width under one learned entropy model: `ldm_quant` and `rate_variable`."""
