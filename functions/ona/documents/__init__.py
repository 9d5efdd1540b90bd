"""Documents that two families share, as models; the one base of all models."""
