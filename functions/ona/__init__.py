"""What two or more families share, in rooms that stand in layers (docs/decisions/0011-families.md)."""
