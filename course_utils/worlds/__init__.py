"""Data with a known truth: what a GAN should learn is here a formula, so its errors can be computed."""
