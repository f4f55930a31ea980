"""gcodec-ldm: autoencoder latents, quantized and entropy-coded, as stage 1."""
