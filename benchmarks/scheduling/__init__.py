"""How good plans are, beside bounds and peers."""
