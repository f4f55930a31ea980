"""Generative reconstruction by conditional flow matching: noise to X given the preview Y."""
