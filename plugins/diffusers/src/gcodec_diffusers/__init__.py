"""gcodec-diffusers: latent spaces, denoisers and codebooks, opened from model folders."""
