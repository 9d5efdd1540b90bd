"""The files under `configs/operations/`, one module a file."""
