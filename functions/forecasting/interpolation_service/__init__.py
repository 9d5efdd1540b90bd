"""Gaps in uploads: found, classed, filled with an uncertainty; the result is published for training."""
