"""Gaps in uploads: classed, filled with an uncertainty, published for training."""
