"""uqdm: universally quantized diffusion (Yang, Will and Mandt 2025) of a reversible wavelet transform."""
