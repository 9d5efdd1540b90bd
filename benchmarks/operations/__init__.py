"""What the platform needs of its means, measured: the time of an order, by state."""
