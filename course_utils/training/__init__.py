"""Training as `keras.Model` subclasses: one method a file, `fit()` for everything else."""
