"""gcodec-diffc: noisy x_t as a file, by channel simulation; the simulators themselves are in `gcodec_diffc.channels`."""
