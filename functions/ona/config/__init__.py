"""The files under `configs/` that two families read, one module a file."""
