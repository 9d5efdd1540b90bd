"""Causes: which is named, how often it is right, and whether its probability can be believed."""
