"""Stop the platform, let it go on, and do work again: what an operator needs in an emergency."""
