"""A receiver without torch: onnxruntime runs the graphs beside the models."""
