"""The files under `configs/ooda/` that only the loop reads, one module a file."""
