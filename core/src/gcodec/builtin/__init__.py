"""What every installation has: the `preview` reconstructor and the adapters between signals that need no weights."""
