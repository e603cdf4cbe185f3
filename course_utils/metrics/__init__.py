"""Measures of what a generator makes. For images start at `images.report`, for text at `text`."""
