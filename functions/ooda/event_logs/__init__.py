"""Event logs: which file is one, its entries, and what they mean."""
