"""What `gcodec train` can train with this package."""
