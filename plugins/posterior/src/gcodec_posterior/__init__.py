"""gcodec-posterior: samplers of P(X | Y) that need nothing but an unconditional denoiser."""
