"""gcodec-diffusion: conditional diffusion as stage 2."""
