"""The page that shows `.gcx` files, and the command that opens it. Needs no torch, no NumPy and no network."""
