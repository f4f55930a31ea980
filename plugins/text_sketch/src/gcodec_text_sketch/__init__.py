"""gcodec-text-sketch: a caption and an edge sketch as stage 1."""
