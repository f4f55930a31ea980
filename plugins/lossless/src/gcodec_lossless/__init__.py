"""gcodec embedding `lossless`: exact pictures under a learned law of integers (spec/embeddings/lossless.md)."""
