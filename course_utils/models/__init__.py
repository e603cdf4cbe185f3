"""Keras layers and models, one idea a file, without training."""
